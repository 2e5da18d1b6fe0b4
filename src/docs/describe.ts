import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { bindAll, columnsIn } from '../check/bind.ts'
import type { Status } from '../check/status.ts'
import type { Column as Bound, Session } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import { formatDuration } from '../quantity.ts'
import type { Case } from '../query/case.ts'
import { expectationsOf } from '../query/expectation.ts'
import type { Accumulates, ColumnTest, Severity } from '../query/header.ts'
import type { Layer, Models } from '../query/models.ts'
import { keyOf } from '../query/models.ts'
import type { Parsed } from '../query/parse.ts'
import { parseModels } from '../query/parse.ts'
import { plan } from '../query/plan.ts'
import { formatProblem } from '../query/problem.ts'
import type { ModelRun, RunRecord } from '../query/record.ts'
import { failuresPath } from '../query/verdict.ts'
import { csvPath, parseRecords } from '../sink/csv.ts'

/** All that the page says, as plain values. */
export interface Documentation {
  made: Date
  lake: string
  status: Status
  /** Newest first. */
  runs: RunRecord[]
  models: Described[]
  /** Files that are no models, and why. */
  problems: string[]
  /** Of `events`, as `sources.yaml` says. */
  events: string | undefined
}

export interface Described {
  name: string
  layer: Exclude<Layer, 'tests'>
  file: string
  sql: string
  description: string | undefined
  grain: string | undefined
  tags: string[]
  accumulates: string | undefined
  columns: Column[]
  /** Of several columns together, and queries about it that must return no rows. */
  tests: Test[]
  /** Names of given rows with the results that are expected of them. */
  cases: string[]
  /** Models, seeds and sources that it names, and models that name it. */
  reads: string[]
  readBy: string[]
  /** Where its SQL names them, in characters. */
  references: { name: string; offset: number }[]
  sinks: { kind: string; target: string }[]
  result: Result | undefined
  /** Newest first. */
  history: (ModelRun & { start: string })[]
  problem: string | undefined
}

export interface Column {
  name: string
  type: string | undefined
  description: string | undefined
  tests: Test[]
}

export interface Test {
  /** As the record of a run names it: `likes-per-minutes.time.unique`. */
  name: string
  text: string
  severity: Severity
  /** Where rows are for which it did not hold when it was last looked at. */
  failures: string | undefined
}

/** The first rows of what was published last. */
export interface Result {
  columns: string[]
  rows: string[][]
  /** Not all of its rows are here. */
  cut: boolean
}

/** Of a result that is larger the rest is not looked at, bytes. */
const READ = 4_000_000

export interface Sources {
  loaded: Models
  cases: readonly Case[]
  metrics: string
  state: string
  lake: string
  status: Status
  runs: RunRecord[]
  made: Date
}

export async function describe(session: Session, { loaded, cases, metrics, state, ...rest }: Sources): Promise<Documentation> {
  const parsed = await parseModels(session, loaded.models)
  const all = plan(parsed, parsed.map(({ name }) => name)).steps
  const [steps, queries] = [all.filter(({ model }) => model.layer !== 'tests'), all.filter(({ model }) => model.layer === 'tests')]
  const test = (name: string, text: string, severity: Severity): Test => {
    const failures = failuresPath(state, name)
    return { name, text, severity, failures: existsSync(failures) ? failures : undefined }
  }
  if (loaded.macros) await session.run(loaded.macros.sql).catch(() => {})
  // What cannot be bound has no types here; the next run says what is wrong with it.
  const bound = await bindAll(session, steps)
  const models = await Promise.all(
    steps.map(async (step): Promise<Described> => {
      const { model, needs, problem } = step
      const { name, file, sql, header } = model
      const layer = model.layer as Described['layer']
      // Columns in their order, then what is said of several together.
      const names = expectationsOf(model, loaded.models).map((expectation) => expectation.name)
      const named = (text: string, severity: Severity): Test => test(names.shift() ?? '', text, severity)
      const sinks = layer === 'metrics' ? (header.sinks ?? ['csv']).map((kind) => ({ kind, target: csvPath(metrics, name) })) : []
      return {
        name,
        layer,
        file,
        sql,
        description: header.description,
        grain: header.grain,
        tags: header.tags,
        accumulates: header.accumulates && accumulation(header.accumulates),
        columns: merged(model, columnsIn(bound.get(keyOf(name))), named),
        tests: [
          ...header.tests.map(({ unique, severity }) => named(`unique: ${unique.join(', ')}`, severity)),
          ...queries.filter(({ needs }) => needs.includes(name)).map(({ model: { name, header, severity = 'error' } }) => test(name, header.description ?? name, severity)),
        ],
        cases: cases.flatMap((one) => (keyOf(one.model) === keyOf(name) ? one.name.slice(one.model.length + 1) : [])),
        reads: [...(readsEvents(model) ? ['events'] : []), ...needs],
        readBy: steps.filter((other) => other.needs.includes(name)).map((other) => other.model.name),
        references: model.references.flatMap(({ kind, name, offset }) => (kind === 'relation' && offset !== undefined ? { name, offset } : [])),
        sinks,
        result: layer === 'metrics' ? await readResult(csvPath(metrics, name)) : undefined,
        history: rest.runs.flatMap(({ start, models }) => models.filter((run) => run.name === name).map((run) => ({ start, ...run }))),
        problem: problem && formatProblem(problem),
      }
    }),
  )
  return { ...rest, models, problems: loaded.problems.map(formatProblem), events: loaded.sources.events?.description }
}

function readsEvents({ references }: Parsed): boolean {
  return references.some(({ kind, name }) => kind === 'relation' && keyOf(name) === 'events')
}

/** What the header says, and what the engine says: of a column that is only in one of them, that. */
function merged({ header }: Parsed, bound: readonly Bound[] = [], named: (text: string, severity: Severity) => Test): Column[] {
  const documented = Object.entries(header.columns).map(([column, said]) => (
    [column, { ...said, tests: said.tests.map((test) => named(textOf(test), test.severity)) }] as const
  ))
  const of = (column: string): Column => {
    const [, said] = documented.find(([other]) => keyOf(other) === keyOf(column)) ?? []
    const type = bound.find((other) => keyOf(other.name) === keyOf(column))?.type ?? said?.type
    return { name: column, type, description: said?.description, tests: said?.tests ?? [] }
  }
  const names = bound.map((column) => column.name)
  const others = documented.map(([column]) => column).filter((column) => !names.some((other) => keyOf(other) === keyOf(column)))
  return [...names, ...others].map(of)
}

function textOf({ accepted_values: values, relationships, range, unique }: ColumnTest): string {
  if (values) return `one of ${values.join(', ')}`
  if (relationships) return `in ${relationships.to}.${relationships.column}`
  if (range) return [...(range.min === undefined ? [] : [`≥ ${range.min}`]), ...(range.max === undefined ? [] : [`≤ ${range.max}`])].join(', ')
  return unique ? 'unique' : 'not null'
}

function accumulation({ rows, distinct, sum, min, max, window }: Accumulates): string {
  if (rows) return 'rows of each hour, kept side by side'
  if (distinct) return 'rows of each hour, each kept once'
  const parts = Object.entries({ sum, min, max }).flatMap(([how, columns]) => (columns ? `${how} of ${columns.join(', ')}` : []))
  const reach = window === undefined ? '' : `; events at most ${formatDuration(window)} apart belong together`
  return `${parts.join('; ')} over what each hour says${reach}`
}

async function readResult(path: string): Promise<Result | undefined> {
  let file
  try {
    file = await open(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, READ)), 0, Math.min(size, READ), 0)
    const [columns = [], ...rows] = parseRecords(buffer.toString('utf8', 0, bytesRead), Infinity)
    const cut = size > READ
    // The last one may have been cut in the middle.
    return { columns, rows: cut ? rows.slice(0, -1) : rows, cut }
  } finally {
    await file.close()
  }
}
