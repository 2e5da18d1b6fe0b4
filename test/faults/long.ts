import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readLake } from '../lake.ts'
import { random } from '../lines.ts'
import { ROOT } from '../process.ts'
import { chaos } from './chaos.ts'
import type { Bench } from './crash.ts'
import { openBench } from './crash.ts'
import type { Case, Observed } from './drive.ts'
import { describe, inParallel, killAfter, killPoints, mustSuffer, observe, sample, suffer } from './drive.ts'
import { killMutants } from './mutate.ts'
import type { Answers } from './readers.ts'
import { compactUnderReaders, dropUnderReaders } from './readers.ts'
import { SCENARIOS } from './scenarios.ts'
import { countsOf, whatPowerLossCosts } from './trace.ts'

/** The fault tests in full: what `npm test` takes a sample of. Prints a table of figures, and ends with 1 where anything was not as it should be. */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'kills,calls,merges,drops,chaos,resume,mutants' },
    minutes: { type: 'string', default: '10' },
    lanes: { type: 'string', default: '2' },
    runs: { type: 'string', default: '1000' },
    /** Only mutants whose names contain this. */
    mutants: { type: 'string', default: '' },
    swaps: { type: 'string', default: '1000' },
    restarts: { type: 'string', default: '300' },
  },
})
const seed = Number(process.env['SEED'] ?? 1)
const chance = random(seed)
const lanes = Number(values.lanes)

interface Figures {
  what: string
  count: string
  /** What was not as it should be. */
  problems: string[]
  /** What is known to remain, and how often it was met. */
  known?: string
}

const began = Date.now()
const say = (text: string): void => void process.stderr.write(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)

/** On SIGINT or SIGTERM it ends with the figures that there are. */
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (stopped = true))

/** Runs all of these, and tells on the way how far it is and what went wrong. `done` is how many there were time for. */
async function all<T>(what: string, jobs: readonly T[], name: (job: T) => string, work: (job: T) => Promise<void>): Promise<{ done: number; problems: string[] }> {
  let done = 0
  const problems = await inParallel(jobs, { lanes, name }, async (job) => {
    if (stopped) return
    try {
      await work(job)
    } catch (error) {
      say(`${what}: ${name(job)}: ${(error as Error).message}`)
      throw error
    } finally {
      if (++done % 100 === 0 || done === jobs.length) say(`${what}: ${done} of ${jobs.length}`)
    }
  })
  return { done, problems }
}

async function withBench<T>(work: (bench: Bench, observed: Observed[]) => Promise<T>): Promise<T> {
  const bench = await openBench()
  try {
    const observed: Observed[] = []
    const problems = await inParallel(SCENARIOS, { lanes, name: ({ name }) => name }, async (scenario) => void observed.push(await observe(bench, scenario)))
    if (problems.length > 0) throw new Error(problems.join('\n'))
    observed.sort((a, b) => SCENARIOS.indexOf(a.scenario) - SCENARIOS.indexOf(b.scenario))
    return await work(bench, observed)
  } finally {
    bench.close()
  }
}

async function inScratch<T>(work: (cwd: string) => Promise<T>): Promise<T> {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-long-'))
  try {
    return await work(cwd)
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

async function kills(): Promise<Figures[]> {
  return withBench(async (bench, observed) => {
    const inOrder = observed.flatMap((one) => killPoints(one, chance))
    // In any order, so that a run which is stopped has seen all kinds of them.
    const points = sample(inOrder, inOrder.length, chance)
    const steps = new Set(points.map(({ step }) => step))
    const atSteps = await all('kills at steps', points, describe, (point) => mustSuffer(bench, point))
    const random = Array.from({ length: Math.max(150, Number(values.runs) - points.length) }, (_, n) => observed[n % observed.length] as Observed)
    let hits = 0
    const instants = random.map(({ scenario, ms }) => ({ scenario, at: Math.round(chance() * ms) }))
    const atInstants = await all('kills at instants', instants, ({ scenario, at }) => `${scenario.name}: ${at} ms`, async ({ scenario, at }) => {
      if (await killAfter(bench, scenario, at)) hits++
    })
    const costs = observed.flatMap((one) => whatPowerLossCosts(one).map((cost) => `${one.scenario.name}: ${cost}`))
    const calls = observed.reduce((sum, { trace }) => sum + trace.length / 2, 0)
    return [
      { what: `SIGKILL before or after a step, all ${steps.size} steps in ${observed.length} situations`, count: `${atSteps.done} runs, each killed`, problems: atSteps.problems },
      { what: 'SIGKILL at a random instant, in the same situations', count: `${atInstants.done} runs, ${hits} killed, the others had ended`, problems: atInstants.problems },
      { what: 'Order of system calls: nothing relied on that a power loss could take', count: `${Math.round(calls)} calls of ${observed.length} runs`, problems: costs },
    ]
  })
}

/** Where the writing is: these have every call, and each kind of them. */
const FAILING = ['ingest', 'recovery', 'rejects fed back', 'compaction', 'a file that comes before the exchange', 'a file that comes after the exchange', 'retention']
const CODES = ['ENOSPC', 'EIO', 'EMFILE']

async function calls(): Promise<Figures[]> {
  return withBench(async (bench, observed) => {
    const chosen = observed.filter(({ scenario }) => FAILING.includes(scenario.name))
    const kinds: Omit<Case & { call: string; code: string; count: number }, 'fault'>[] = chosen.flatMap(({ scenario, trace }) =>
      [...countsOf(trace, 'call')].flatMap(([call, count]) => CODES.map((code) => ({ scenario, call, code, count }))),
    )
    let failures = 0
    const { problems } = await all('failing calls', kinds, ({ scenario, call, code }) => `${scenario.name}: ${call} ${code}`, async ({ scenario, call, code }) => {
      for (let k = 1; !stopped; k++) {
        const fault = `fail@${call}#${k}:${code}`
        const happened = await suffer(bench, { scenario, fault }).catch((error: unknown) => {
          throw new Error(`${fault}: ${(error as Error).message}`)
        })
        if (!happened) break
        failures++
      }
    })
    const names = [...new Set(kinds.map(({ call }) => call))]
    return [{ what: `The first, second, … until the last call fails: ${names.join(', ')}; ${CODES.join(', ')}; in ${chosen.length} situations`, count: `${failures} runs, each with its failure`, problems }]
  })
}

function underReaders(what: string, { right, hidden, wrong, failed, longest, swaps }: Answers & { swaps: number }): Figures {
  return {
    what,
    count: `${swaps}, under ${right + hidden + wrong.length + failed.length} queries, the longest of ${(longest / 1000).toFixed(1)} s`,
    problems: [...wrong.map((answer) => `wrong: ${answer}`), ...failed],
    ...(hidden > 0 ? { known: `${hidden} without an hour` } : {}),
  }
}

/** Times as long as a quick one a third of the first reader's queries takes; and a grace that is longer than any of them, ms. */
const SLOW = 1500
const GRACE = 60_000

const merges = async (): Promise<Figures[]> => [
  underReaders('Hours merged, four readers of `read_parquet`, a merge every 50 ms and more', await inScratch((cwd) => compactUnderReaders(cwd, { hours: 200, rounds: Math.ceil(Number(values.swaps) / 200), pause: 50, grace: GRACE, slow: SLOW }))),
]

const drops = async (): Promise<Figures[]> => [
  underReaders('Dates dropped, four readers of `read_parquet`, a date every 50 ms and more', await inScratch((cwd) => dropUnderReaders(cwd, { dates: Number(values.swaps), pause: 50, grace: GRACE, slow: SLOW }))),
]

async function confusion(): Promise<Figures[]> {
  return inScratch(async (cwd) => {
    const report = await chaos(cwd, { seed, duration: Number(values.minutes) * 60_000, say })
    const expected = new Set(report.events.flatMap((count, writer) => Array.from({ length: count }, (_, n) => `kw${writer}-${n}`)))
    const held = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey))
    const lost = expected.size - new Set(held.filter((key) => expected.has(key))).size
    const more = held.length - (expected.size - lost)
    const { kills, runs, right, hidden } = report
    return [
      {
        what: `Chaos, ${values.minutes} minutes: four writers, one of them late, \`periodic\`, \`sluice compact\`, two readers`,
        count: `${expected.size} events; ${kills.writers} of ${runs.writers} writers, ${kills.maintenance} of ${runs.maintenance} others, ${kills.readers} readers killed; ${right + hidden} queries`,
        problems: [...report.wrong, ...report.failed, ...report.failures, ...(lost + more === 0 ? [] : [`${lost} events lost, ${more} too many`])],
        ...(hidden > 0 ? { known: `${hidden} without an hour` } : {}),
      },
    ]
  })
}

async function resume(): Promise<Figures[]> {
  const file = join(ROOT, 'dist', 'test', 'source', 'resume.test.js')
  const child = spawn(process.execPath, ['--test', file], { env: { ...process.env, RESTARTS: values.restarts }, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  return [{ what: '`./bluesky \\| ./handle-stream` against a server, one or both killed and started anew', count: `${values.restarts} times`, problems: code === 0 ? [] : [said] }]
}

async function mutants(): Promise<Figures[]> {
  const { killed, alive } = await killMutants({ lanes, say, only: values.mutants })
  return [{ what: 'Mutants: a fsync, a rename, a check taken away', count: `${killed.length + alive.length}, ${killed.length} found by a test`, problems: alive }]
}

const PARTS: Record<string, () => Promise<Figures[]>> = { kills, calls, merges, drops, chaos: confusion, resume, mutants }

const figures: Figures[] = []
for (const name of values.only.split(',')) {
  const part = PARTS[name]
  if (!part) throw new Error(`expected --only to be some of ${Object.keys(PARTS).join()}, got ${name}`)
  say(name)
  figures.push(...(await part().catch((error: Error) => [{ what: name, count: 'not finished', problems: [error.message] }])))
}
const rows = figures.map(({ what, count, problems, known }) => `| ${what} | ${count} | ${problems.length}${known ? `; ${known}` : ''} |\n`)
process.stdout.write(`${new Date().toISOString().slice(0, 10)}, seed ${seed}\n\n| | | wrong |\n| --- | --- | --- |\n${rows.join('')}`)
for (const { what, problems } of figures) for (const problem of problems.slice(0, 20)) process.stdout.write(`\n${what}: ${problem}\n`)
process.exitCode = figures.some(({ problems }) => problems.length > 0) ? 1 : 0
