import assert from 'node:assert/strict'
import type { Traced } from '../../src/lake/faults.ts'
import type { Step } from '../../src/lake/steps.ts'
import { tree } from '../lake.ts'
import type { Bench } from './crash.ts'
import { asKilled, failed, happened, killed } from './crash.ts'
import type { Scenario } from './scenarios.ts'
import { countsOf, tracedIn } from './trace.ts'

/** A scenario without a fault, and what it told. */
export interface Observed {
  scenario: Scenario
  trace: Traced[]
  /** Files that it has put into the lake. */
  appeared: string[]
  /** From the start of the process to its end. */
  ms: number
}

/** A fault, as SLUICE_FAULT says it, in a scenario. */
export interface Case {
  scenario: Scenario
  fault: string
}

export function describe({ scenario, fault }: Case): string {
  return `${scenario.name}: ${fault}`
}

/** A scenario without a fault, up to the end of its process. */
export async function act(bench: Bench, scenario: Scenario): Promise<Observed & { rest(): Promise<void> }> {
  const cwd = await bench.place(scenario)
  const before = new Set(tree(cwd))
  const begin = Date.now()
  const { code, stderr } = await scenario.act(cwd, 'trace')
  assert.equal(code, 0, `${scenario.name}: ${stderr}`)
  const ms = Date.now() - begin
  const appeared = tree(cwd).filter((path) => path.startsWith('lake/') && !before.has(path))
  return { scenario, trace: tracedIn(stderr), appeared, ms, rest: () => rest(bench, scenario, cwd) }
}

export async function observe(bench: Bench, scenario: Scenario): Promise<Observed> {
  const { rest, ...observed } = await act(bench, scenario)
  await rest()
  return observed
}

/** Before and after the first, the last and one other of the calls of each step. */
export function killPoints({ scenario, trace }: Observed, chance: () => number): (Case & { step: Step })[] {
  return [...countsOf(trace, 'step')].flatMap(([step, count]) => {
    const nths = new Set([1, 1 + Math.floor(chance() * count), count])
    return [...nths].flatMap((nth) => ['before', 'after'].map((side) => ({ scenario, step, fault: `kill@${side}:${step}#${nth}` })))
  })
}

/** What a run says of itself: the fault happened, and the lake is whole after the next run. False if it did not come to that, and the run ended well. */
export async function suffer(bench: Bench, { scenario, fault }: Case): Promise<boolean> {
  const cwd = await bench.place(scenario)
  const result = await scenario.act(cwd, fault)
  const did = happened(fault, result)
  if (!did) assert.equal(result.code, 0, result.stderr)
  else if (fault.startsWith('kill@')) await killed(scenario, cwd, fault, result)
  else failed(fault, result)
  await rest(bench, scenario, cwd)
  return did
}

/** The same for a fault that must happen. What goes on side by side takes now more calls, now less: then an earlier one. */
export async function mustSuffer(bench: Bench, { scenario, fault }: Case): Promise<void> {
  const nth = Number(/#(\d+)/.exec(fault)?.[1])
  if (await suffer(bench, { scenario, fault })) return
  assert.ok(nth > 1, 'it did not happen')
  await mustSuffer(bench, { scenario, fault: fault.replace(/#\d+/, `#${nth - 1}`) })
}

/** Kills from outside, so many ms after the start. False if it had ended by then. */
export async function killAfter(bench: Bench, scenario: Scenario, ms: number): Promise<boolean> {
  const cwd = await bench.place(scenario)
  const { code, signal, stderr } = await scenario.act(cwd, `sigkill@${ms},trace`)
  if (signal === null) assert.equal(code, 0, stderr)
  else await asKilled(scenario, cwd)
  await rest(bench, scenario, cwd)
  return signal === 'SIGKILL'
}

async function rest(bench: Bench, scenario: Scenario, cwd: string): Promise<void> {
  await bench.settle(scenario, cwd)
  await bench.check(scenario, cwd)
}

/** A few of many, without repetition. */
export function sample<T>(from: readonly T[], count: number, chance: () => number): T[] {
  const left = [...from]
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(Math.floor(chance() * left.length), 1)[0] as T)
}

/** Works on several at a time. What is thrown is collected with the name of its job, and the others go on. */
export async function inParallel<T>(jobs: readonly T[], { lanes, name }: { lanes: number; name(job: T): string }, work: (job: T) => Promise<void>): Promise<string[]> {
  const queue = jobs.values()
  const problems: string[] = []
  async function lane(): Promise<void> {
    for (const job of queue) await work(job).catch((error: unknown) => void problems.push(`${name(job)}: ${error instanceof Error ? error.message : String(error)}`))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return problems
}
