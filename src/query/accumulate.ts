import { join } from 'node:path'
import type { Column, Engine, Session } from '../duckdb.ts'
import { columnsOf, DUCKDB_VERSION, identifier, quote } from '../duckdb.ts'
import { messageOf } from '../failure.ts'
import type { Damaged } from '../lake/damaged.ts'
import { describeDamage } from '../lake/damaged.ts'
import { HOUR_MS } from '../lake/names.ts'
import type { Part } from '../lake/snapshot.ts'
import { hourOfPath, hourOfTime } from '../lake/snapshot.ts'
import { additiveProblems } from './additive.ts'
import { printOf, putInPlace } from './cache.ts'
import type { Contribution, Stored, Work } from './contribution.ts'
import { contributionOf, mergedOf, planContributions, planMerges } from './contribution.ts'
import { readEvents, Unreadable, unreadable, withoutRows } from './events.ts'
import type { Functions } from './functions.ts'
import type { Accumulates } from './header.ts'
import type { Query } from './ledger.ts'
import { readLedger, writeLedger } from './ledger.ts'
import type { Packs } from './pack.ts'
import type { Parsed } from './parse.ts'
import { problemAt } from './problem.ts'
import type { Problem } from './problem.ts'
import { statement } from './statement.ts'
import type { Node } from './tree.ts'
import { parseQuery, serialize, unparse } from './unparse.ts'

export interface AccumulateOptions {
  /** Where contributions are kept. */
  contributions: string
  /** The files of the lake by hour. */
  hours: ReadonlyMap<number, readonly Part[]>
  /** The first hour of those that files still come to. */
  recent: number
  packs: Packs
  /** Told what was kept and is of no use. */
  notice: (text: string) => void
  functions: (session: Session) => Promise<Functions>
  /** Files that are known to be damaged; what is found out is added. */
  damaged: Damaged
}

/** Sessions of one engine that work side by side with those of other lanes, and what they have to themselves. */
export interface Lane {
  /** Names are models here, and `events` all that the lake holds. */
  session: Session
  /** `events` are a part of the stream here, and so are the models bound to it. */
  parts: Session
  /** Names of the models bound in `parts`. */
  bound: Set<string>
  /** What `events` are bound to in `parts`, as SQL. */
  events?: string
  /** A directory on the filesystem of the contributions, for what is under way. */
  scratch: string
}

/** A session in which names are those of its own schema first. */
export async function openParts(engine: Engine, schema: string): Promise<Session> {
  const session = await engine.connect()
  await session.run(`CREATE SCHEMA ${schema}`)
  await session.run(`SET search_path = '${schema},main'`)
  return session
}

/**
 * Binds a model's name to what all parts of the stream say about it together: a table of a metric, a view of a staging model.
 * Only what is new is computed, hour by hour, and kept. The model's own ORDER BY and LIMIT apply to the whole.
 * `below` are the views that it reads, directly or not, in order. Where a file is damaged, all hours that need it not are computed and
 * kept, and then it throws an Unreadable.
 */
export async function accumulate(lane: Lane, model: Parsed, below: readonly Parsed[], version: string, options: AccumulateOptions): Promise<void> {
  const { session, parts, scratch } = lane
  const { name, layer, header } = model
  const how = header.accumulates as Accumulates
  const directory = join(options.contributions, name)
  const ledger = await readLedger(directory, version, options.notice)
  // To understand all models anew takes a quarter of a run over ten new seconds, most of it for patterns that DuckDB compiles.
  const query = ledger.query ?? (await withoutRows(session, async () => understand(session, model, below, await options.functions(session))))
  const { columns, body, order } = query
  const rowsOf = (of: readonly Contribution[]): string => `read_parquet([${of.map(({ rows }) => quote(join(directory, rows))).join(', ')}])`
  const { damaged, hours, recent, packs } = options
  let done = ledger.contributions
  let { next } = ledger
  const store = async (select: string): Promise<Stored> => {
    const rows = `${next++}.parquet`
    const written = join(scratch, rows)
    await parts.run(`COPY (${combined(select, columns, how)}) TO ${quote(written)} (FORMAT parquet)`)
    if (!ledger.query) await checkTypes(session, written, columns, model)
    const stored = { rows, ...(await printOf(written)) }
    await putInPlace(written, join(directory, rows))
    return stored
  }
  let refused: Unreadable | undefined
  // Again where a file turned out to be damaged: other hours of the same work have nothing to do with it.
  for (let known = -1; known < damaged.size; ) {
    known = damaged.size
    const { kept, work } = planContributions(done, hours, { window: how.window, recent, damaged })
    done = [...kept]
    for (const one of work) {
      const files = [...new Set([...one.fresh, ...one.around].map(({ path }) => path))]
      const bad = files.find((file) => damaged.has(file))
      try {
        if (bad !== undefined) throw new Unreadable(describeDamage(bad, damaged.get(bad) as string))
        await bindEvents(lane, one, how.window, packs)
        await bindParts(lane, below)
        const base = one.base ? `FROM ${rowsOf([one.base])} UNION ALL BY NAME ` : ''
        done.push(contributionOf(one, await store(`${base}FROM (\n${body}\n)`)))
      } catch (error) {
        const found = error instanceof Unreadable ? error : await unreadable(parts, files, error, damaged)
        if (!found) throw error
        refused ??= found
        if (one.base) done.push(one.base)
      }
    }
  }
  const merges = planMerges(done, options.hours, options.recent)
  for (const group of merges) {
    const merged = mergedOf(group, await store(`FROM ${rowsOf(group)}`))
    done = [...done.filter((one) => !group.includes(one)), merged]
  }
  const { contributions: before } = ledger
  // Not synced: all of it can be computed again, and what a power failure has torn does not have its checksum.
  if (done.length !== before.length || done.some((one) => !before.includes(one)) || !ledger.query) {
    await writeLedger(directory, scratch, { ...ledger, next, query: done.length > 0 ? query : undefined, contributions: done })
  }
  if (refused) throw refused
  const stored = combined(`FROM ${rowsOf(done)}`, columns, how)
  try {
    await session.run(`CREATE ${layer === 'staging' ? 'VIEW' : 'TABLE'} ${identifier(name)} AS ${order === undefined ? stored : `WITH combined AS (${stored}) ${order}`}`)
  } catch (error) {
    // Bound before, as it is written: only its place behind the sums can be wrong.
    if (/^Binder Error/.test(messageOf(error))) throw unkept(model, `expected the ORDER BY of a model that accumulates to name its columns, got: ${messageOf(error)}`)
    throw error
  }
}

/** What DuckDB makes of a model, as a view of all events: an error names the place in the file. */
export async function understand(session: Session, model: Parsed, below: readonly Parsed[], functions: Functions): Promise<Query> {
  const name = identifier(model.name)
  await session.run(statement({ ...model, layer: 'staging' }))
  const columns = await checkAdditive(session, model, below, functions)
  const query = { engine: DUCKDB_VERSION, columns, ...(await partsOf(session, model)) }
  await session.run(`DROP VIEW ${name}`)
  return query
}

/** The columns of a model that is bound, if parts of the stream can be added up to it. */
export async function checkAdditive(session: Session, model: Parsed, below: readonly Parsed[], functions: Functions): Promise<Column[]> {
  const columns = await columnsOf(session, identifier(model.name))
  checkColumns(model, columns)
  const [problem] = await additiveProblems(session, model, below, columns, functions)
  if (problem) throw new Unkept(problem)
  return columns
}

/** Binds views to the part that `events` is, and to those that it will be: once each. */
async function bindParts({ parts, bound }: Lane, views: readonly Parsed[]): Promise<void> {
  for (const view of views) {
    if (bound.has(view.name)) continue
    await parts.run(statement(view))
    bound.add(view.name)
  }
}

/** Rows of several parts as one. */
export function combined(rows: string, columns: readonly Column[], { sum = [], min = [], max = [], rows: asTheyAre }: Accumulates): string {
  if (asTheyAre) return rows
  const keys: string[] = []
  const selected = columns.map(({ name: column, type }) => {
    const name = identifier(column)
    if (sum.includes(column)) return `sum(${name})::${type} AS ${name}`
    if (min.includes(column)) return `min(${name}) AS ${name}`
    if (max.includes(column)) return `max(${name}) AS ${name}`
    keys.push(name)
    return name
  })
  return `SELECT ${selected.join(', ')} FROM (${rows}) ${keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : ''}`
}

/** The model without its outermost ORDER BY and LIMIT, as it is asked of parts, and a SELECT that puts them to `combined`, what the parts give together. */
async function partsOf(session: Session, model: Parsed): Promise<Pick<Query, 'body' | 'order'>> {
  const { sql } = model
  const { node } = model.tree as { node: Node }
  // What the parts give together is distinct already.
  const isDistinct = ({ type }: Node): boolean => type === 'DISTINCT_MODIFIER'
  const distinct = (node['modifiers'] as Node[]).filter(isDistinct)
  const modifiers = (node['modifiers'] as Node[]).filter((one) => !isDistinct(one))
  if (modifiers.length === 0) return { body: sql }
  const combinedNode = await parseQuery(session, 'SELECT * FROM combined')
  const order = await unparse(session, { ...combinedNode, modifiers })
  // An ORDER BY of parts does no harm.
  if (!modifiers.some(({ type }) => type === 'LIMIT_MODIFIER')) return { body: sql, order }
  const unlimited = { ...node, modifiers: distinct }
  if (LONG.test(serialize(unlimited))) throw unkept(model, 'expected no number of more than 15 digits in a model that accumulates and has a LIMIT; write it as a product')
  return { body: await unparse(session, unlimited), order }
}

/** Numbers that JSON.parse may have rounded. */
const LONG = /[:,[]-?\d{16}/

/** `events` among the parts: the fresh files, or all within the model's window of an event in them. */
async function bindEvents(lane: Lane, { hours, fresh, around, base }: Work, window: number | undefined, packs: Packs): Promise<void> {
  const { parts } = lane
  async function bind(files: readonly Part[], filter: string): Promise<void> {
    const events = `FROM ${await packs.relation(parts, files, base ? [] : fresh)}${filter}`
    // To bind them takes 5 ms, and most models of a run ask the same.
    if (lane.events !== events) await parts.run(`CREATE OR REPLACE VIEW events AS ${events}`)
    lane.events = events
  }
  if (window === undefined) return bind(around, '')
  const [span] = base
    ? await parts.rows<{ first: bigint | null; last: bigint | null }>(
        `SELECT epoch_us(min(event_time)) AS first, epoch_us(max(event_time)) AS last FROM ${readEvents(fresh)}`,
      )
    : [{ first: BigInt(Math.min(...hours) * HOUR_MS) * 1000n, last: BigInt((Math.max(...hours) + 1) * HOUR_MS) * 1000n }]
  // Files without rows have no times, and nothing to say.
  if (span?.first == null || span.last == null) return bind(around, ' WHERE false')
  const reach = BigInt(window) * 1000n
  const [first, last] = [span.first - reach, span.last + reach]
  // In a compacted hour every row group has events of the whole hour: only its name says that there is none of a window.
  const [from, to] = [first, last].map((us) => hourOfTime(Number(us) / 1000)) as [string, string]
  const isNear = ({ path }: Part): boolean => {
    const hour = hourOfPath(path) as string
    return from <= hour && hour <= to
  }
  return bind([...new Set([...fresh, ...around.filter(isNear)])], ` WHERE event_time BETWEEN make_timestamptz(${first}) AND make_timestamptz(${last})`)
}

function checkColumns(model: Parsed, columns: readonly Column[]): void {
  const { sum = [], min = [], max = [] } = model.header.accumulates as Accumulates
  const names = columns.map(({ name }) => name)
  const stranger = [...sum, ...min, ...max].find((name) => !names.includes(name))
  if (stranger !== undefined) throw unkept(model, `expected accumulates to name columns of the model (${names.join(', ')}), got \`${stranger}\``)
}

function unkept({ file, sql }: Parsed, message: string): Unkept {
  return new Unkept(problemAt(file, sql, Math.max(0, sql.indexOf('accumulates')), message))
}

/** Parquet has no HUGEINT: what cannot be kept as it is must not be kept as something else. */
async function checkTypes(session: Session, written: string, columns: readonly Column[], model: Parsed): Promise<void> {
  const found = await columnsOf(session, `read_parquet(${quote(written)})`)
  for (const { name, type } of columns) {
    if (found.find((column) => column.name === name)?.type === type) continue
    throw unkept(model, `expected columns of types that Parquet has in a model that accumulates, got ${name} ${type}; cast it, such as to bigint`)
  }
}

/** A problem of a model, found while it is accumulated. */
export class Unkept extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}

