import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, Session } from '../duckdb.ts'
import { openEngine } from '../duckdb.ts'
import { EXIT, Failure } from '../failure.ts'
import type { Damaged } from '../lake/damaged.ts'
import type { Part, Snapshot } from '../lake/snapshot.ts'
import { partsByHour, partsOf, takeSnapshot } from '../lake/snapshot.ts'
import type { Case, CaseOptions } from './case.ts'
import { judgeCase, loadCases } from './case.ts'
import { look, withLayouts } from './contents.ts'
import { bindEvents, unreadable } from './events.ts'
import type { Expectation } from './expectation.ts'
import { expectationOf, expectationsOf } from './expectation.ts'
import { describeFreshness, readFreshness } from './freshness.ts'
import { tryHalves } from './halves.ts'
import type { Models } from './models.ts'
import { keyOf, loadModels, SOURCES } from './models.ts'
import type { Parsed } from './parse.ts'
import { parseModels } from './parse.ts'
import type { Step } from './plan.ts'
import { plan } from './plan.ts'
import type { Problem } from './problem.ts'
import { makeDirectory, MEMORY } from './run.ts'
import type { Selectable } from './select.ts'
import { select } from './select.ts'
import { blame, runMacros, statement } from './statement.ts'
import { judge } from './verdict.ts'

/**
 * What came of one test. column: of a model's header. query: one that must return no rows. case: given and expected rows.
 * accumulates: whether parts of the stream add up to a model. freshness: the age of the newest event. model: one that should be tested, and
 * cannot be made.
 */
export interface Trial {
  name: string
  kind: 'column' | 'query' | 'case' | 'accumulates' | 'freshness' | 'model'
  /** The model that it is of; a source's name for its freshness. */
  of: string
  status: 'pass' | 'warn' | 'fail' | 'skipped'
  ms: number
  /** Of column, query and accumulates: for which it does not hold. */
  rows?: number | undefined
  /** Where the first of them are. */
  kept?: string | undefined
  /** Of freshness. */
  ageSeconds?: number | undefined
  /** Of what is skipped: the model that could not be made. */
  because?: string
  problem?: Problem | undefined
}

export interface TrialOptions {
  lake: string
  state: string
  queries: string
  /** Models, whose tests and those that read them are run, tests and cases; undefined means all. */
  selectors: readonly string[] | undefined
  write: CaseOptions['write']
  now: () => number
}

/** Runs every test over a snapshot of the lake: nothing is published and nothing is locked. */
export async function* tryAll({ lake, state, queries, selectors, write, now }: TrialOptions): AsyncGenerator<Trial> {
  const [loaded, cases] = [await loadModels(queries), await loadCases(queries)]
  const snapshot = await takeSnapshot(lake)
  await makeDirectory(join(state, 'staging'))
  const scratch = await mkdtemp(join(state, 'staging', 'test-'))
  const engine = await openEngine({ memoryLimit: MEMORY, tempDirectory: join(scratch, 'spill') })
  try {
    const session = await engine.connect()
    const parsed = await parseModels(session, loaded.models)
    const { steps } = plan(parsed, parsed.map(({ name }) => name))
    const chosen = chooser(selectors, steps, cases)
    const damaged: Damaged = new Map()
    const context = { engine, session, loaded, parsed, steps, snapshot, damaged, chosen, scratch, state, write, now }
    if (!selectors) for (const problem of loaded.problems) yield { name: problem.file, kind: 'model', of: problem.file, status: 'fail', ms: 0, problem }
    await runMacros(session, loaded.macros)
    const listed = await partsOf(snapshot)
    const files = withLayouts(listed, await look(session, listed, {}, damaged))
    await bindEvents(session, files, damaged)
    yield* tryExpectations(context)
    yield* tryCases(cases, context)
    yield* tryAccumulating(files, context)
    if (chosen.freshness) yield* tryFreshness(context)
    session.close()
  } finally {
    engine.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Context extends Omit<TrialOptions, 'lake' | 'queries' | 'selectors'> {
  engine: Engine
  session: Session
  loaded: Models
  parsed: Parsed[]
  /** Of all models. */
  steps: Step[]
  snapshot: Snapshot
  damaged: Damaged
  chosen: Chosen
  scratch: string
}

interface Chosen {
  /** Whether the tests of a model are to be run. */
  model(name: string): boolean
  /** Whether a test of its own is, which reads these models. */
  test(name: string, needs: readonly string[]): boolean
  freshness: boolean
}

/** By names of cases, `events` for its freshness, and selectors of models, those of tests included. */
function chooser(selectors: readonly string[] | undefined, models: readonly Selectable[], cases: readonly Case[]): Chosen {
  if (!selectors) return { model: () => true, test: () => true, freshness: true }
  const known = new Set([...SOURCES, ...cases.map(({ name }) => keyOf(name))])
  const isKnown = (selector: string): boolean => known.has(keyOf(selector))
  const keys = new Set([...selectors.filter(isKnown), ...select(models, selectors.filter((selector) => !isKnown(selector)))].map(keyOf))
  const named = (name: string): boolean => keys.has(keyOf(name))
  return { model: named, test: (name, needs) => named(name) || needs.some(named), freshness: named(SOURCES[0]) }
}

async function* tryExpectations({ session, loaded, parsed, steps, snapshot, damaged, chosen, scratch, state, now }: Context): AsyncGenerator<Trial> {
  const { models } = loaded
  const needs = new Map(steps.map((step) => [step.model.name, step.needs]))
  const expectations = models.flatMap((model): Expectation[] => {
    if (model.layer === 'tests') return chosen.test(model.name, needs.get(model.name) ?? []) ? [expectationOf(model)] : []
    return chosen.model(model.name) ? expectationsOf(model, models) : []
  })
  // A header that cannot be read would otherwise be one without tests.
  const unread = models.filter(({ name, layer, problem }) => problem && (layer === 'tests' ? chosen.test(name, []) : chosen.model(name)))
  const wanted = [...unread.map(({ name }) => name), ...expectations.flatMap(({ model, reads }) => [model, ...reads])]
  const ofLake = (error: unknown): Promise<Error | undefined> => lakeTrouble(session, snapshot, error, damaged)
  // What could not be made, and because of which model.
  const bad = new Map<string, string>()
  for (const { model, needs, problem } of plan(parsed, wanted).steps) {
    const { name, layer } = model
    const start = now()
    const failed = (of: Problem): Trial => ({ name, kind: layer === 'tests' ? 'query' : 'model', of: name, status: 'fail', ms: now() - start, problem: of })
    const because = needs.find((need) => bad.has(need))
    if (problem) yield failed(problem)
    else if (because === undefined) {
      try {
        await session.run(statement(model))
        continue
      } catch (error) {
        const broken = await ofLake(error)
        yield failed(broken ? { file: model.file, message: broken.message } : blame(model, needs, error))
      }
    }
    bad.set(name, because === undefined ? name : (bad.get(because) as string))
  }
  for (const expectation of expectations) {
    const { name, model, reads } = expectation
    const kind = name === model ? 'query' : 'column'
    const because = bad.get([model, ...reads].find((one) => bad.has(one)) ?? '')
    // A query that is wrong itself has failed by now.
    if (because === name) continue
    if (because !== undefined) yield { name, kind, of: model, status: 'skipped', ms: 0, because }
    else {
      const { status, rows, kept, ms, problem } = await judge(session, expectation, { state, scratch, now }, ofLake)
      yield { name, kind, of: model, status, ms, rows, kept, problem }
    }
  }
}

/** Cases never see the lake. */
async function* tryCases(cases: readonly Case[], { loaded: models, parsed, chosen, scratch, write, now }: Context): AsyncGenerator<Trial> {
  const engine = await openEngine({ tempDirectory: join(scratch, 'spill') })
  try {
    const session = await engine.connect()
    for (const one of cases.filter(({ name, model }) => chosen.test(name, [model]))) {
      const start = now()
      const problem = await judgeCase(session, one, { models, plan: plan(parsed, [one.model]), scratch, write })
      yield { name: one.name, kind: 'case', of: one.model, status: problem ? 'fail' : 'pass', ms: now() - start, problem }
    }
    session.close()
  } finally {
    engine.close()
  }
}

async function* tryAccumulating(files: readonly Part[], { engine, session, parsed, snapshot, damaged, chosen, scratch, state, now }: Context): AsyncGenerator<Trial> {
  const hours = partsByHour(files.filter(({ path }) => !damaged.has(path)))
  const hour = hours.get(Math.max(...hours.keys())) ?? []
  const plans = parsed.filter(({ name, header }) => header.accumulates && chosen.model(name)).map(({ name }) => plan(parsed, [name]).steps)
  yield* tryHalves({ engine, plans, hour, state, scratch, now, ofLake: (error) => lakeTrouble(session, snapshot, error, damaged) })
}

async function* tryFreshness({ session, snapshot, damaged, loaded, now }: Context): AsyncGenerator<Trial> {
  const start = now()
  for (const one of await readFreshness(session, snapshot, loaded.sources, start, damaged)) {
    const { of, late, ageSeconds } = one
    const problem = late === null ? undefined : { file: of, message: describeFreshness(one) }
    yield { name: `${of}.freshness`, kind: 'freshness', of, status: late === 'error' ? 'fail' : (late ?? 'pass'), ms: now() - start, ageSeconds, problem }
  }
}

/** What an error really is, where the lake is at fault. What was compacted is there for a grace, which a long test may outlast: that is thrown. */
async function lakeTrouble(session: Session, { files }: Snapshot, error: unknown, damaged: Damaged): Promise<Error | undefined> {
  const gone = files.find((file) => !existsSync(file))
  if (gone === undefined) return unreadable(session, files, error, damaged)
  throw new Failure(`${gone} was compacted away while the tests read it; run them again, or compact with a longer --grace`, EXIT.io)
}
