import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { DUCKDB_VERSION } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import { diskFailure, list } from '../lake/disk.ts'
import { PRIVATE } from '../lake/private.ts'
import type { Upkeep } from '../lake/maintain.ts'
import { formatWriter, isWriter } from '../lake/names.ts'
import { packageVersion } from '../package.ts'
import type { Freshness } from './freshness.ts'
import type { Layer } from './models.ts'
import { formatProblem } from './problem.ts'
import type { Origin, Outcome, Report } from './report.ts'
import type { Verdict } from './verdict.ts'

/** One run of periodic, as `STATE/runs/<start>-<random>.json` keeps it. Times are ISO, UTC. */
export interface RunRecord {
  start: string
  end: string
  /** Of the models, without recovery before them and upkeep after them. */
  ms: number
  sluice: string
  duckdb: string
  /** Null where the run failed before it had looked at the lake. */
  lake: LakeSeen | null
  models: ModelRun[]
  /** Of results; of staging and seeds, those that were not ok. */
  ok: number
  failed: number
  skipped: number
  upkeep: Upkeep | null
  /** Of what has limits, against the clock of the run. */
  freshness?: Freshness[]
  /** What ended the run, or went wrong when its results were out. */
  error?: string
}

export interface LakeSeen {
  files: number
  events: number
  newest: string | null
  /**
   * Size of all files that were bound: what a model reads that reads every column and row. What each really read is not known:
   * DuckDB's profile counts 9 kB where a query over 40 MB of Parquet reads all of them.
   */
  bytes: number
  /** sha256 of the sorted paths below the lake, a line each: equal where two runs saw the same files. */
  digest: string
}

export interface ModelRun {
  name: string
  layer: Layer
  status: Outcome['status']
  ms: number
  rows?: number
  changed?: boolean
  /** See {@link versions}; null where it cannot be run. */
  version: string | null
  problem?: string
  because?: string
  /** What came of its tests, as far as the run looked. */
  tests?: TestRun[]
}

/** `rows`: for how many it does not hold; null where that could not be found out. */
export interface TestRun {
  name: string
  status: Verdict['status']
  rows: number | null
}

/** Records that are kept: eight hours of `watch -n 30`. */
const KEPT = 1000

const SLUICE_VERSION = packageVersion()

export function recordOf({ ms, lake, freshness, outcomes, upkeep }: Report, { snapshot, bytes, versions }: Origin, { start, end }: { start: Date; end: Date }): RunRecord {
  const count = (status: Outcome['status']): number => outcomes.filter((outcome) => outcome.status === status).length
  const paths = snapshot.files.map((file) => relative(snapshot.lake, file).split(sep).join('/'))
  return {
    ...empty({ start, end }, ms),
    lake: { ...lake, newest: lake.newest?.toISOString() ?? null, bytes, digest: createHash('sha256').update(paths.join('\n')).digest('hex') },
    models: outcomes.map((outcome) => modelRun(outcome, versions)),
    ok: outcomes.filter(({ status, model }) => status === 'ok' && model.layer === 'metrics').length,
    failed: count('failed'),
    skipped: count('skipped'),
    upkeep: upkeep ?? null,
    ...(freshness ? { freshness } : {}),
  }
}

/** Of a run that no model came of. */
export function recordOfFailure(error: string, { start, end }: { start: Date; end: Date }): RunRecord {
  return { ...empty({ start, end }, 0), error }
}

function empty({ start, end }: { start: Date; end: Date }, ms: number): RunRecord {
  const versions = { sluice: SLUICE_VERSION, duckdb: DUCKDB_VERSION }
  const nothing = { lake: null, models: [], ok: 0, failed: 0, skipped: 0, upkeep: null }
  return { start: start.toISOString(), end: end.toISOString(), ms, ...versions, ...nothing }
}

function modelRun(outcome: Outcome, versions: ReadonlyMap<string, string>): ModelRun {
  const { model: { name, layer }, status, ms } = outcome
  const base = { name, layer, status, ms, version: versions.get(name) ?? null }
  if (status === 'skipped') return { ...base, because: outcome.because }
  const tests = (outcome.verdicts ?? []).map(({ expectation, status, rows = null }) => ({ name: expectation.name, status, rows }))
  const tested = tests.length > 0 ? { ...base, tests } : base
  if (status === 'failed') return { ...tested, problem: formatProblem(outcome.problem) }
  return outcome.published ? { ...tested, rows: outcome.published.now.rows, changed: outcome.published.changed } : tested
}

/** The commit point is rename(2), of a file that is on the disk. Only under the lock of periodic: the oldest records go. */
export async function saveRun(record: RunRecord, { state, scratch, random }: { state: string; scratch: string; random: number }): Promise<void> {
  const runs = runsDirectory(state)
  const name = `${formatWriter(Date.parse(record.start), random)}.json`
  try {
    await mkdir(runs, { recursive: true, mode: PRIVATE })
    await writeFile(join(scratch, name), `${JSON.stringify(record)}\n`, { flush: true })
    await rename(join(scratch, name), join(runs, name))
    const names = (await list(runs)).filter(isRunFile)
    for (const old of names.slice(0, -KEPT)) await rm(join(runs, old), { force: true })
  } catch (error) {
    throw diskFailure('keep the record of this run in', runs, error)
  }
}

export function runsDirectory(state: string): string {
  return join(state, 'runs')
}

/** Names sort by the start of the run. */
export function isRunFile(name: string): boolean {
  return name.endsWith('.json') && isWriter(name.slice(0, -'.json'.length))
}

/** What is kept of runs, the newest first; files that are no records are passed over. */
export async function* runs(state: string): AsyncGenerator<RunRecord> {
  const names = (await list(runsDirectory(state))).filter(isRunFile)
  for (const name of names.reverse()) {
    const record = await readRun(join(runsDirectory(state), name))
    if (record) yield record
  }
}

/** Undefined where the file is no record of a run, or has gone. */
export async function readRun(path: string): Promise<RunRecord | undefined> {
  let text
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw diskFailure('read', path, error)
  }
  try {
    const record = JSON.parse(text) as RunRecord
    return isRecord(record) ? record : undefined
  } catch {
    return undefined
  }
}

/** As far as anybody reads it. */
function isRecord({ start, end, ms, ok, failed, skipped, lake, models }: RunRecord): boolean {
  const times = [start, end].every((time) => typeof time === 'string' && !Number.isNaN(Date.parse(time)))
  const counts = [ms, ok, failed, skipped].every((count) => typeof count === 'number')
  const seen = lake === null || [lake.files, lake.events, lake.bytes].every((count) => typeof count === 'number')
  return times && counts && seen && models.every(({ name, status }) => typeof name === 'string' && typeof status === 'string')
}
