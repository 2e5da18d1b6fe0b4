import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsck } from '../../src/check/fsck.ts'
import type { Inspector } from '../../src/check/parquet.ts'
import { openInspector } from '../../src/check/parquet.ts'
import type { Session } from '../../src/duckdb.ts'
import { openEngine } from '../../src/duckdb.ts'
import { openDisk } from '../../src/lake/disk.ts'
import { readIdentity } from '../../src/lake/identity.ts'
import { maintain } from '../../src/lake/maintain.ts'
import { readLake, readParquet, readRejects, tree } from '../lake.ts'
import type { Result } from '../process.ts'
import type { Scenario } from './scenarios.ts'
import { durableKeys } from './stream.ts'

/** What checks need and takes long to start. */
export interface Bench {
  /** A new directory in which the scenario is prepared. */
  place(scenario: Scenario): Promise<string>
  /** Brings the lake to rest: what is sealed is merged, the trash is emptied. */
  settle(scenario: Scenario, cwd: string): Promise<void>
  /** Fails unless every event is in the lake once, every line that is none is kept, and nothing else is left. */
  check(scenario: Scenario, cwd: string): Promise<void>
  close(): void
}

export async function openBench(): Promise<Bench> {
  const root = mkdtempSync(join(tmpdir(), 'sluice-faults-'))
  const engine = await openEngine({ threads: 1 })
  const inspector = await openInspector()
  const prepared = new Map<string, Promise<string>>()
  let places = 0

  async function prepare(scenario: Scenario): Promise<string> {
    const cwd = join(root, scenario.name.replaceAll(' ', '-'))
    mkdirSync(cwd)
    await scenario.prepare(cwd)
    return cwd
  }

  return {
    async place(scenario) {
      const from = prepared.get(scenario.name) ?? prepare(scenario)
      prepared.set(scenario.name, from)
      const cwd = join(root, String(++places))
      execFileSync('cp', ['-a', await from, cwd])
      return cwd
    },
    async settle(scenario, cwd) {
      makeOld(cwd)
      await scenario.restart(cwd)
      // Before a merge drops what repeats itself.
      if (!scenario.torn) await nothingTwice(cwd)
      const session = await engine.connect()
      // Once for the merges, once for the old files that they leave.
      for (let times = 0; times < 2; times++) await mergeAll(session, cwd, scenario.keep)
      session.close()
    },
    async check(scenario, cwd) {
      await exactlyOnce(scenario, cwd)
      await clean(inspector, cwd)
      rmSync(cwd, { recursive: true })
    },
    close() {
      engine.close()
      inspector.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** A log without a name is left alone while it is young. */
function makeOld(cwd: string): void {
  const wal = join(cwd, '.sluice', 'wal')
  const past = Date.now() / 1000 - 120
  for (const log of existsSync(wal) ? readdirSync(wal) : []) utimesSync(join(wal, log), past, past)
}

async function mergeAll(session: Session, cwd: string, keep: number | undefined): Promise<void> {
  const [lake, state] = [join(cwd, 'lake'), join(cwd, '.sluice')]
  const newest = (await readLake(lake)).reduce((max, { event_time }) => Math.max(max, event_time.getTime()), 0)
  const rules = { sealAfter: 600_000, targetBytes: 256e6, budget: Infinity, grace: 0, yes: false }
  const place = { lake, state, id: (await readIdentity(state))?.id ?? 'test', disk: openDisk() }
  await maintain({ ...place, now: () => Date.now() + 1 }, session, { ...rules, watermark: newest || undefined, keep, pending: async () => new Set() })
}

/** Whether a process said that this fault happened to it. */
export function happened(fault: string, { stderr }: Result): boolean {
  return stderr.includes(`fault: ${fault}\n`)
}

/** Of a run that a kill was for. */
export async function killed(scenario: Scenario, cwd: string, fault: string, { signal, stderr }: Result): Promise<void> {
  assert.equal(signal, 'SIGKILL', `${fault}: ${stderr}`)
  await asKilled(scenario, cwd)
}

/**
 * Even before anything is recovered, no reader sees an event twice, or a file that is none of the lake's, and of each stream lake, logs
 * and the old files of a merge that goes on have all up to some event: whatever was read once is never lost, though a source would say it again.
 */
export async function asKilled({ streams, dropped = [], torn }: Scenario, cwd: string): Promise<void> {
  if (!torn) await nothingTwice(cwd)
  const durable = new Set([...(await durableKeys(cwd)), ...(await keysInTrash(cwd))])
  const gone = new Set(dropped)
  for (const { keys } of streams) {
    const kept = keys.filter((key) => !gone.has(key))
    const last = kept.findLastIndex((key) => durable.has(key))
    assert.deepEqual(kept.slice(0, last + 1).filter((key) => !durable.has(key)), [], 'events that were read and are lost')
  }
}

/** What came late, and is carried over by the next run. A file that is only half built does not open, and does not count. */
async function keysInTrash(cwd: string): Promise<string[]> {
  const trash = join(cwd, '.sluice', 'trash')
  const files = tree(trash).filter((path) => path.endsWith('.parquet') && !lstatSync(join(trash, path)).isSymbolicLink())
  const rows = await Promise.all(files.map((path) => readParquet(join(trash, path)).catch(() => [])))
  return rows.flat().map(({ rkey }) => String(rkey))
}

/** Of a run in which a call failed. */
export function failed(fault: string, { code, signal, stderr }: Result): void {
  assert.equal(signal, null)
  assert.equal(code, 74, `${fault}: ${stderr}`)
  const said = stderr.split('\n').filter((line) => /^(handle-stream|sluice [a-z]+): /.test(line) && !/: recovered |; it is kept as /.test(line))
  assert.equal(said.length, 1, `${fault}: ${stderr}`)
  assert.match(said[0] as string, new RegExp(`: cannot .*[a-z] .* \\(${fault.split(':').at(-1)}\\)$`))
  assert.doesNotMatch(stderr, /\n +at |internal error/)
}

export async function nothingTwice(cwd: string): Promise<void> {
  const keys = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey))
  const twice = keys.filter((key, at) => keys.indexOf(key) !== at)
  assert.deepEqual(twice.slice(0, 5), [], `${twice.length} events are twice in the lake`)
}

async function exactlyOnce({ streams, dropped = [] }: Scenario, cwd: string): Promise<void> {
  const gone = new Set(dropped)
  const expected = streams.flatMap(({ keys }) => keys).filter((key) => !gone.has(key))
  const held = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey))
  assert.deepEqual({ lost: surplus(expected, held), more: surplus(held, expected) }, { lost: [], more: [] })
  const lines = streams.flatMap((stream) => stream.lines)
  const bad = lines.filter(({ key }) => key === undefined).map(({ text }) => text)
  // A source that resumes says some of them again.
  const rejects = new Set(readRejects(join(cwd, '.sluice')).map(({ text }) => String(text)))
  assert.deepEqual(bad.filter((text) => !rejects.has(text)), [], 'rejects that are lost')
  // A line that is not whole is one that a full disk has cut short.
  const others = [...rejects].filter((text) => !bad.includes(text) && !lines.some((line) => line.text.startsWith(text)))
  assert.deepEqual(others, [], 'rejects that nobody said')
}

async function clean(inspector: Inspector, cwd: string): Promise<void> {
  const [lake, state] = [join(cwd, 'lake'), join(cwd, '.sluice')]
  assert.deepEqual(tree(lake).filter((path) => lstatSync(join(lake, path)).isSymbolicLink()), [], 'symlinks in the lake')
  assert.deepEqual(tree(state).filter((path) => !['lake.json', 'periodic.lock'].includes(path) && !/^(rejected|quarantine)\//.test(path)), [], 'left in the state directory')
  const { findings } = await fsck({ lake, state }, inspector, { quick: false, now: Date.now() + 7_200_000, alone: false })
  assert.deepEqual(findings, [])
}

/** What of these is more often here than there. */
function surplus(these: readonly string[], those: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const one of those) left.set(one, (left.get(one) ?? 0) + 1)
  return these.filter((one) => {
    const count = left.get(one) ?? 0
    left.set(one, count - 1)
    return count <= 0
  })
}
