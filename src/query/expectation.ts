import { identifier, quote } from '../duckdb.ts'
import type { ColumnTest, Severity } from './header.ts'
import type { Model } from './models.ts'
import { keyOf, seedRows, SOURCES } from './models.ts'
import { nearest } from '../did-you-mean.ts'
import type { Problem } from './problem.ts'

/** One thing that holds of a relation unless a query returns rows. */
export interface Expectation {
  /** `likes-per-minutes.time.unique`, or a test's own name. */
  name: string
  /** The model that declares it, or the test itself. */
  model: string
  severity: Severity
  /** Where it is declared. */
  file: string
  line?: number
  /** A SELECT of the rows for which it does not hold, whole. */
  sql: string
  /** Models, other than the one it is of, that the query reads. */
  reads: string[]
  /** Known before anything runs: it cannot hold. */
  problem?: Problem
}

/** What a model's header says of its columns, and of several together, in order. Pure. */
export function expectationsOf(model: Model, models: readonly Model[]): Expectation[] {
  const { header, declared } = model
  const found: Expectation[] = []
  const taken = new Map<string, number>()
  const add = (columns: readonly string[], test: ColumnTest, path: readonly (string | number)[]): void => {
    const kind = kindOf(test)
    const base = `${model.name}.${columns.join('+')}.${kind}`
    const count = (taken.get(base) ?? 0) + 1
    taken.set(base, count)
    found.push({
      name: count === 1 ? base : `${base}.${count}`,
      model: model.name,
      severity: test.severity,
      file: declared?.file ?? model.file,
      ...(declared ? { line: declared.lineOf(path) } : {}),
      ...queryOf(model, columns, test, models),
    })
  }
  for (const [column, { tests }] of Object.entries(header.columns)) {
    for (const [index, test] of tests.entries()) add([column], test, ['columns', column, 'tests', index])
  }
  for (const [index, { unique, severity }] of header.tests.entries()) add(unique, { unique: true, severity }, ['tests', index])
  return found.map(blamed)
}

/** A test of its own: a query under its name that must return no rows. */
export function expectationOf(test: Model): Expectation {
  return { name: test.name, model: test.name, severity: test.severity ?? 'error', file: test.file, sql: `SELECT * FROM ${identifier(test.name)}`, reads: [] }
}

const KINDS = ['unique', 'not_null', 'accepted_values', 'relationships', 'range'] as const

function kindOf(test: ColumnTest): (typeof KINDS)[number] {
  return KINDS.find((kind) => test[kind] !== undefined) as (typeof KINDS)[number]
}

/** As SQL's own UNIQUE and CHECK, no test but not_null says anything of a null. */
function queryOf(model: Model, columns: readonly string[], test: ColumnTest, models: readonly Model[]): { sql: string; reads: string[]; message?: string } {
  const from = identifier(model.name)
  const names = columns.map(identifier)
  const column = names[0] as string
  const select = (condition: string): { sql: string; reads: string[] } => ({ sql: `SELECT * FROM ${from} WHERE ${condition}`, reads: [] })
  if (test.unique) {
    const given = names.map((name) => `${name} IS NOT NULL`).join(' AND ')
    const key = names.join(', ')
    // Grouping keeps the keys in memory, and not the rows.
    return select(`(${key}) IN (SELECT ${names.length === 1 ? key : `(${key})`} FROM ${from} WHERE ${given} GROUP BY ${key} HAVING count(*) > 1) ORDER BY ${key}`)
  }
  if (test.not_null) return select(`${column} IS NULL`)
  // In quotes, a value is of the column's type.
  if (test.accepted_values) return select(`${column} NOT IN (${test.accepted_values.map((value) => quote(String(value))).join(', ')})`)
  if (test.range) {
    const { min, max } = test.range
    const bounds = [...(min === undefined ? [] : [`${column} < ${literal(min)}`]), ...(max === undefined ? [] : [`${column} > ${literal(max)}`])]
    return select(bounds.length === 0 ? 'false' : bounds.join(' OR '))
  }
  const { to, column: other } = test.relationships as NonNullable<ColumnTest['relationships']>
  const target = models.find(({ name, layer }) => keyOf(name) === keyOf(to) && layer !== 'tests')
  const source = SOURCES.some((name) => name === keyOf(to))
  if (!target && !source) {
    const known = [...SOURCES, ...models.filter(({ layer }) => layer !== 'tests').map(({ name }) => name)]
    const close = nearest(to, known)
    const message = `relationships.to: expected the name of a model, a seed or a source, got \`${to}\`${close === undefined ? '' : `; did you mean \`${close}\`?`}`
    return { ...select('true'), message }
  }
  // A seed is read from its file, so that the test needs nothing that a run has not made.
  const related = target?.layer === 'seeds' ? seedRows(target.file) : identifier(to)
  const condition = `${column} IS NOT NULL AND ${column} NOT IN (SELECT ${identifier(other)} FROM ${related} WHERE ${identifier(other)} IS NOT NULL)`
  return { ...select(condition), reads: target && target.layer !== 'seeds' ? [target.name] : source ? [keyOf(to)] : [] }
}

function literal(bound: number | string): string {
  return typeof bound === 'number' && Number.isFinite(bound) ? String(bound) : quote(String(bound))
}

function blamed({ message, ...expectation }: Expectation & { message?: string }): Expectation {
  if (message === undefined) return expectation
  const { file, line } = expectation
  return { ...expectation, problem: { file, ...(line === undefined ? {} : { line }), message } }
}
