import type { ChildProcessByStdio } from 'node:child_process'
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openEngine, quote } from '../../src/duckdb.ts'
import { commitFile } from '../../src/lake/commit.ts'
import { compact } from '../../src/lake/compact.ts'
import { openDisk } from '../../src/lake/disk.ts'
import { planMaintenance } from '../../src/lake/maintain.ts'
import { formatWriter, HOUR_MS } from '../../src/lake/names.ts'
import { columnDefinitions } from '../../src/lake/schema.ts'
import { dropDate, sweepTrash } from '../../src/lake/trash.ts'
import { eventLine } from '../lines.ts'
import { run } from '../process.ts'

/** What readers were told. */
export interface Answers {
  right: number
  /** Answers in which one hour is missing: its exchange fell between DuckDB's listing of a directory and its look at the names in it. */
  hidden: number
  /** Other answers that no state of the lake gives, as `events,sum,twice`. */
  wrong: string[]
  failed: string[]
  /** The longest query, ms. */
  longest: number
}

export interface Readers {
  /** Kills one of them, and starts another. */
  kill(): Promise<void>
  /** Ends them after the query they are at. */
  stop(): Promise<Answers>
}

const READER = fileURLToPath(new URL('./reader.js', import.meta.url))

/**
 * Readers in processes of their own, the first of which lets some of its queries take `slow` times as long. Answers are texts `events,sum,twice`;
 * `judge` is told which reader was given one.
 */
export async function startReaders(cwd: string, options: { count: number; slow: number; judge(answer: string, reader: number): 'right' | 'hidden' | 'wrong' }): Promise<Readers> {
  const answers: Answers = { right: 0, hidden: 0, wrong: [], failed: [], longest: 0 }
  let started = 0
  function take({ answer, ms, error }: { answer?: number[]; ms: number; error?: string }, reader: number): void {
    answers.longest = Math.max(answers.longest, ms)
    if (answer === undefined) answers.failed.push(String(error))
    else {
      const verdict = options.judge(answer.join(), reader)
      if (verdict === 'wrong') answers.wrong.push(answer.join())
      else answers[verdict]++
    }
  }
  function start(): { child: ChildProcessByStdio<Writable, Readable, null>; begun: Promise<void>; closed: Promise<void> } {
    const reader = started++
    const child = spawn(process.execPath, [READER, 'lake', reader === 0 ? String(options.slow) : '0'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.on('error', () => {})
    const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
    let rest = ''
    const first = new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() as string
        for (const line of lines) take(JSON.parse(line), reader)
        resolve()
      })
    })
    return { child, begun: Promise.race([first, closed]), closed }
  }
  const running = Array.from({ length: options.count }, start)
  await Promise.all(running.map(({ begun }) => begun))
  return {
    async kill() {
      const victim = running.shift()
      victim?.child.kill('SIGKILL')
      await victim?.closed
      running.push(start())
    },
    async stop() {
      for (const { child } of running) child.stdin.end()
      await Promise.all(running.map(({ closed }) => closed))
      return answers
    },
  }
}

const ms = (base: number, n: number): number => base + n * 36_000

/** Merges every hour of a lake again and again under readers: a hundred events an hour, which no merge may change. */
export async function compactUnderReaders(
  cwd: string,
  { hours, rounds, pause, grace, slow }: { hours: number; rounds: number; pause: number; grace: number; slow: number },
): Promise<Answers & { swaps: number }> {
  const begin = Date.parse('2026-07-04T00:00:00Z')
  const events = hours * 100
  await run('handle-stream', ['--roll-rows', '20'], { cwd, input: Array.from({ length: events }, (_, n) => eventLine(n, ms(begin, n) - n * 1000)).join('\n') })
  const all = (events * (events - 1)) / 2
  const right = `${events},${all},0`
  const hidden = Array.from({ length: hours }, (_, hour) => `${events - 100},${all - hour * 10_000 - 4950},0`)
  const readers = await startReaders(cwd, { count: 4, slow, judge: (answer) => (answer === right ? 'right' : hidden.includes(answer) ? 'hidden' : 'wrong') })
  const engine = await openEngine({ threads: 1 })
  const session = await engine.connect()
  const [lake, state] = [join(cwd, 'lake'), join(cwd, '.sluice')]
  const place = { lake, state, id: 'test', disk: openDisk(), now: Date.now }
  const staging = join(state, 'staging')
  mkdirSync(staging, { recursive: true })
  const empty = join(cwd, 'empty.parquet')
  await session.run(`CREATE TABLE nothing (${columnDefinitions()})`)
  await session.run(`COPY nothing TO ${quote(empty)} (FORMAT parquet)`)
  let swaps = 0
  let sequence = 0
  for (let round = 0; round < rounds; round++) {
    const rules = { sealAfter: 0, targetBytes: 256e6, budget: Infinity, keep: undefined, grace, yes: false, pending: async () => new Set<string>() }
    const { merges } = await planMaintenance(place, { ...rules, watermark: begin + 1000 * HOUR_MS })
    for (const merge of merges) {
      await compact(place, session, merge, rules)
      swaps++
      await sleep(pause)
    }
    await sleep(grace)
    await sweepTrash(place, grace - 100)
    // A late file of no events makes an hour due again, and the right answer stays what it is.
    for (const { hour } of merges) {
      const segment = { writer: formatWriter(Date.now(), Math.random()), sequence: ++sequence }
      const staged = join(staging, `${sequence}.parquet`)
      copyFileSync(empty, staged)
      await commitFile(place.disk, staged, { lake, id: 'test', hour, segment })
    }
  }
  session.close()
  engine.close()
  return { ...(await readers.stop()), swaps }
}

/** Drops date after date under readers: each must see a date whole or not at all. */
export async function dropUnderReaders(cwd: string, { dates, pause, grace, slow }: { dates: number; pause: number; grace: number; slow: number }): Promise<Answers & { swaps: number }> {
  const begin = Date.parse('2022-01-01T10:00:00Z')
  const day = 24 * HOUR_MS
  // Two events in each of two hours of a date.
  const time = (n: number): number => begin + Math.floor(n / 4) * day + (n % 4 > 1 ? HOUR_MS : 0)
  const events = (dates + 1) * 4
  await run('handle-stream', [], { cwd, input: Array.from({ length: events }, (_, n) => eventLine(n, time(n) - n * 1000)).join('\n') })
  const all = (events * (events - 1)) / 2
  const right = new Set(Array.from({ length: dates + 1 }, (_, gone) => `${events - gone * 4},${all - (gone * 4 * (gone * 4 - 1)) / 2},0`))
  const readers = await startReaders(cwd, { count: 4, slow, judge: (answer) => (right.has(answer) ? 'right' : 'wrong') })
  const place = { lake: join(cwd, 'lake'), state: join(cwd, '.sluice'), id: 'test', disk: openDisk(), now: Date.now }
  for (let date = 0; date < dates; date++) {
    await dropDate(place, `date=${new Date(begin + date * day).toISOString().slice(0, 10)}`)
    if (date % 10 === 9) await sweepTrash(place, grace)
    await sleep(pause)
  }
  await sleep(grace)
  await sweepTrash(place, grace - 100)
  return { ...(await readers.stop()), swaps: dates }
}
