import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, Session } from '../duckdb.ts'
import { openEngine } from '../duckdb.ts'
import { EXIT, Failure } from '../failure.ts'
import type { LakeFile } from '../lake/compaction.ts'
import { diskFailure } from '../lake/disk.ts'
import { explainGone, expectThere } from '../lake/gone.ts'
import { acquire, holder } from '../lake/lock.ts'
import type { Damaged } from '../lake/damaged.ts'
import type { Upkeep } from '../lake/maintain.ts'
import { PASSABLE, PRIVATE } from '../lake/private.ts'
import type { Part } from '../lake/snapshot.ts'
import { lakeFiles, partOf, partsByHour, partsOf, takeSnapshot } from '../lake/snapshot.ts'
import { formatDuration } from '../quantity.ts'
import type { Lane } from './accumulate.ts'
import { openParts } from './accumulate.ts'
import { act } from './act.ts'
import { contentsPath, glanceOf, look, readContents, withLayouts, writeContents } from './contents.ts'
import { bindEvents } from './events.ts'
import { readFreshness } from './freshness.ts'
import { functionsOf } from './functions.ts'
import type { Replaced } from './contribution.ts'
import { recentFrom } from './contribution.ts'
import { anew, forgetAll, forgetOthers, replaceInLedgers } from './ledger.ts'
import type { Model, Models } from './models.ts'
import { loadModels } from './models.ts'
import { openPacks } from './pack.ts'
import type { Parsed } from './parse.ts'
import { parseModels } from './parse.ts'
import type { Plan } from './plan.ts'
import { plan } from './plan.ts'
import type { Problem } from './problem.ts'
import { select } from './select.ts'
import type { RunRecord } from './record.ts'
import { recordOf, recordOfFailure } from './record.ts'
import type { Outcome, Report, Sink } from './report.ts'
import { runMacros } from './statement.ts'
import type { Verdict } from './verdict.ts'
import { judgeResult } from './verdict.ts'
import { versions } from './version.ts'

export interface RunOptions {
  lake: string
  state: string
  queries: string
  /** Selectors; undefined means every metric. */
  select: readonly string[] | undefined
  /** Forget what is kept of earlier runs, and compute everything from all events at once. */
  full: boolean
  /** Given a private, empty directory on the filesystem of the state. */
  openSink: (scratch: string) => Promise<Sink>
  /** What is done before the lake is looked at, such as bringing in what dead writers left. */
  before?: () => Promise<void>
  /** What is done to the lake when the results are out, given its newest event and its files as the run saw them. */
  upkeep?: (session: Session, seen: { newest: Date | undefined; files: readonly LakeFile[] }) => Promise<Upkeep | undefined>
  /** Keeps what is known of a run, also of one that fails. Given the same directory as `openSink`. */
  record?: (record: RunRecord, scratch: string) => Promise<void>
  /** Told what goes on in spite of something, in one line each. */
  notice: (text: string) => void
  now: () => number
  signal: AbortSignal
}

/** Above this DuckDB spills to the state directory: a sort of a whole hour is bounded, whatever its size. */
export const MEMORY = '4GB'

/** Files of a lake up to which what DuckDB reads is kept for other models. */
const CACHED = 2000

/** One run, alone among all of this state directory: snapshot of the lake, models in order, results to the sink. */
export async function run(options: RunOptions): Promise<Report> {
  const { queries, state } = options
  const scratch = join(state, 'staging', 'periodic')
  // Side by side: DuckDB starts on another thread while the headers are parsed.
  const [loaded, engine] = await Promise.all([loadModels(queries), openEngine({ memoryLimit: MEMORY, tempDirectory: join(scratch, 'spill') })])
  try {
    return await runAlone(loaded, engine, scratch, options)
  } finally {
    engine.close()
  }
}

async function runAlone(loaded: Models, engine: Engine, scratch: string, options: RunOptions): Promise<Report> {
  const { state, now } = options
  await makeDirectory(state, PASSABLE)
  const path = join(state, 'periodic.lock')
  const lock = await acquire(path, now())
  if (!lock) {
    const other = holder(path)
    const who = other ? ` (pid ${other.pid}) has been running for ${formatDuration(Math.max(0, now() - other.since.getTime()))}` : ' is running'
    throw new Failure(`another periodic${who} in ${state}; wait for it, or give another directory by --state`, EXIT.busy)
  }
  const start = new Date(now())
  try {
    // Whatever is there was left by a run that was killed: we hold the lock.
    await rm(scratch, { recursive: true, force: true })
    await makeDirectory(scratch)
    await options.before?.()
    const report = await runModels(loaded, engine, scratch, options)
    // What failed has failed by that.
    if (report.outcomes.some(({ status }) => status === 'failed')) expectThere({ state, made: scratch })
    if (report.origin) await options.record?.(recordOf(report, report.origin, { start, end: new Date(now()) }), scratch)
    return report
  } catch (error) {
    const failure = explainGone(error, { state, made: scratch })
    if (failure instanceof Failure && failure.exitCode !== EXIT.usage) {
      await options.record?.(recordOfFailure(failure.message, { start, end: new Date(now()) }), scratch)
    }
    throw failure
  } finally {
    await rm(scratch, { recursive: true, force: true })
    lock.release()
  }
}

/** The order a run would take, and what is wrong already: nothing is locked, bound or written. */
export async function planRun({ queries, select }: Pick<RunOptions, 'queries' | 'select'>): Promise<Plan & Pick<Models, 'problems'>> {
  const [loaded, engine] = await Promise.all([loadModels(queries), openEngine()])
  try {
    return await planModels(await engine.connect(), loaded, select)
  } finally {
    engine.close()
  }
}

async function runModels(loaded: Models, engine: Engine, scratch: string, options: RunOptions): Promise<Report> {
  const { lake, state, select, full, openSink, notice, now, signal } = options
  const start = now()
  const snapshot = await takeSnapshot(lake)
  const sink = await openSink(scratch)
  const lanes = await Promise.all(LANES.map((name) => openLane(engine, name, scratch)))
  const [{ session }, other] = lanes as [Lane, Lane]
  const sessions = lanes.flatMap(({ session, parts }) => [session, parts])
  const interrupt = (): void => sessions.forEach((one) => one.interrupt())
  signal.addEventListener('abort', interrupt)
  try {
    const listed = await partsOf(snapshot)
    // DuckDB keeps what it has read, 50 kB a file: of 17,520 files more than 600 MB.
    if (listed.length > CACHED) await session.run('SET enable_external_file_cache = false')
    const { content: known = {}, problem } = full ? {} : await readContents(state)
    if (problem !== undefined) notice(anew(contentsPath(state), problem))
    const damaged: Damaged = new Map()
    const [{ steps, problems }, { contents, files }] = await sideBySide(
      prepare(session, loaded, select),
      look(other.session, listed, known, damaged).then(async (contents) => {
        const files = withLayouts(listed, contents)
        await bindEvents(other.session, files, damaged, [session])
        return { contents, files }
      }),
    )
    await writeContents(state, scratch, contents)
    const glance = glanceOf(files, contents)
    const freshness = await readFreshness(session, snapshot, loaded.sources, start, damaged)
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    const origin = { snapshot, bytes, versions: versions(steps, loaded.macros) }
    const contributions = join(state, 'contributions')
    await (full ? forgetAll(contributions) : forgetOthers(contributions, loaded.models))
    const hours = full || files.length === 0 ? undefined : partsByHour(files)
    const parts = hours && { contributions, hours, damaged, recent: recentFrom(hours, start), packs: openPacks(scratch), versions: origin.versions, notice }
    const judged = ({ session, scratch }: Lane, model: Parsed): Promise<Verdict[]> => judgeResult(session, model, loaded.models, { snapshot, state, scratch, now, signal })
    const outcomes = [...problems.map(rejected), ...(await act(lanes, steps, { snapshot, damaged, parts, functions: once(functionsOf), sink, judged, now, signal }))]
    signal.throwIfAborted()
    const ms = now() - start
    const upkeep = await options.upkeep?.(session, { newest: glance.newest, files: lakeFiles(lake, files) })
    if (parts && upkeep) await replaceInLedgers(contributions, scratch, await replacedBy(upkeep, lake, parts.hours))
    return { start: new Date(start), ms, lake: glance, strangers: snapshot.strangers, damaged, freshness, outcomes, upkeep, origin }
  } finally {
    signal.removeEventListener('abort', interrupt)
    for (const one of sessions) one.close()
  }
}

/** Asked by the first who needs it, for all. */
function once<T>(ask: (session: Session) => Promise<T>): (session: Session) => Promise<T> {
  let asked: Promise<T> | undefined
  return (session) => (asked ??= ask(session))
}

/** Two models at a time: what ten seconds of a stream say about one is the work of one core. */
const LANES = ['parts_1', 'parts_2']

async function openLane(engine: Engine, name: string, scratch: string): Promise<Lane> {
  const own = join(scratch, name)
  await makeDirectory(own)
  return { session: await engine.connect(), parts: await openParts(engine, name), bound: new Set(), scratch: own }
}

/** What is kept is told of merged files, but not of those that lost repeated events on the way. */
async function replacedBy({ merged }: Upkeep, lake: string, hours: ReadonlyMap<number, readonly Part[]>): Promise<Replaced[]> {
  const ids = new Map([...hours.values()].flat().map(({ path, id }) => [path, id]))
  const same = merged.filter(({ repeated }) => repeated === 0)
  return Promise.all(same.map(async ({ inputs, outputs }) => ({
    before: inputs.map((path) => ids.get(join(lake, path)) ?? path),
    after: (await Promise.all(outputs.map((path) => partOf(lake, join(lake, path))))).map(({ id }) => id),
  })))
}

async function prepare(session: Session, loaded: Models, selectors: readonly string[] | undefined): ReturnType<typeof planModels> {
  const planned = await planModels(session, loaded, selectors)
  await runMacros(session, loaded.macros)
  return planned
}

/** Neither is left running. Where both fail, the first says why. */
async function sideBySide<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return [await one, await other]
}

async function planModels(
  session: Session,
  { models, problems }: Models,
  selectors: readonly string[] | undefined,
): Promise<Plan & Pick<Models, 'problems'>> {
  const parsed = await parseModels(session, models)
  const results = models.filter(({ layer }) => layer !== 'tests')
  const names = (of: readonly Model[]): string[] => of.map(({ name }) => name)
  const selected = selectors ? select(plan(parsed, names(results)).steps, selectors) : names(models.filter(({ layer }) => layer === 'metrics'))
  return { ...plan(parsed, selected), problems }
}

function rejected(problem: Problem): Outcome {
  return { model: { name: problem.file, layer: 'metrics', file: problem.file }, ms: 0, status: 'failed', problem }
}

export async function makeDirectory(path: string, mode = PRIVATE): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode })
  } catch (error) {
    throw diskFailure('make directory', path, error)
  }
}
