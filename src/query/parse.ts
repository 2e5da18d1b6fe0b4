import type { Session } from '../duckdb.ts'
import { quote } from '../duckdb.ts'
import type { Model } from './models.ts'
import { keyOf } from './models.ts'
import { problemAt } from './problem.ts'

/** One place in a model's SQL that names a relation, or a function used as one. */
export interface Reference {
  kind: 'relation' | 'function'
  name: string
  /** Schema and catalog as written, joined by dots; empty where none was. */
  schema: string
  /** Into the model's text, in characters; undefined where DuckDB does not say. */
  offset: number | undefined
}

export interface Parsed extends Model {
  references: Reference[]
  /** DuckDB's parse of the one statement; absent where there is none. */
  tree?: unknown
  /** The same as a text, without places: alike for all ways to write the same. */
  canonical?: string
}

interface Tree {
  error: boolean
  error_message?: string
  /** In code points. */
  position?: string
  statements?: unknown[]
}

/** Parses every model by DuckDB itself; nothing is bound or run. */
export async function parseModels(session: Session, models: readonly Model[]): Promise<Parsed[]> {
  const written = models.filter(({ sql }) => sql !== '')
  if (written.length === 0) return models.map((model) => ({ ...model, references: [] }))
  const columns = written.map(({ sql }, index) => `json_serialize_sql(${quote(sql)}) AS t${index}`)
  const [row] = await session.rows(`SELECT ${columns.join(', ')}`)
  return models.map((model) => {
    const index = written.indexOf(model)
    return index < 0 ? { ...model, references: [] } : interpret(model, String(row?.[`t${index}`]))
  })
}

function interpret(model: Model, text: string): Parsed {
  const { file, sql } = model
  const tree = JSON.parse(text) as Tree
  if (tree.error) {
    const said = tree.error_message ?? 'not understood'
    // PIVOT without a list of values is two statements in one, and no SELECT.
    const message = said.startsWith('Only SELECT') ? 'expected one SELECT, got another statement (a PIVOT needs its IN list)' : `Parser Error: ${said}`
    const problem = tree.position === undefined
      ? { file, message }
      : problemAt(file, sql, fromCodePoints(sql, Number(tree.position)), message)
    return { ...model, references: [], problem: model.problem ?? problem }
  }
  const statements = tree.statements ?? []
  if (statements.length !== 1) {
    return { ...model, references: [], problem: model.problem ?? { file, message: `expected one SELECT, got ${statements.length} statements` } }
  }
  return { ...model, references: referencesOf(statements[0], offsetsIn(sql)), tree: statements[0], canonical: text.replace(/"query_location":\d+/g, '') }
}

/** Turns DuckDB's locations, in bytes of the text, into offsets; what it gives for an unknown one lies beyond the end. */
export function offsetsIn(sql: string): (location: number) => number | undefined {
  const bytes = Buffer.from(sql)
  return (location) => (location < bytes.length ? bytes.toString('utf8', 0, location).length : undefined)
}

/**
 * The relations that a parse tree reads, common table expressions left out where they are in scope: one sees those before it
 * in its WITH, and itself only if it is recursive, so that `WITH likes AS (SELECT * FROM likes)` reads the model likes.
 * `offsetOf` turns DuckDB's location, in bytes, into an offset.
 */
export function referencesOf(tree: unknown, offsetOf: (location: number) => number | undefined): Reference[] {
  const found: Reference[] = []
  const walk = (value: unknown, scope: ReadonlySet<string>): void => {
    if (Array.isArray(value)) {
      for (const item of value) walk(item, scope)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const { cte_map: ctes, ...node } = value as Record<string, unknown>
    const inner = new Set(scope)
    for (const { key, value: definition } of (ctes as { map?: Cte[] } | undefined)?.map ?? []) {
      const recursive = definition.query.node.type === 'RECURSIVE_CTE_NODE'
      walk(definition, recursive ? new Set([...inner, keyOf(key)]) : inner)
      inner.add(keyOf(key))
    }
    if (node['type'] === 'BASE_TABLE') {
      const name = String(node['table_name'])
      const schema = [node['catalog_name'], node['schema_name']].filter((part) => part !== '').join('.')
      if (schema !== '' || !inner.has(keyOf(name))) found.push({ kind: 'relation', name, schema, offset: offsetOf(Number(node['query_location'])) })
    }
    if (node['type'] === 'TABLE_FUNCTION') {
      const { function_name: name } = node['function'] as { function_name: string }
      found.push({ kind: 'function', name, schema: '', offset: offsetOf(Number(node['query_location'])) })
    }
    for (const item of Object.values(node)) walk(item, inner)
  }
  walk(tree, new Set())
  return found
}

interface Cte {
  key: string
  value: { query: { node: { type: string } } }
}

function fromCodePoints(text: string, count: number): number {
  return [...text].slice(0, count).join('').length
}
