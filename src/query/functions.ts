import type { Session } from '../duckdb.ts'
import { referencesOf } from './parse.ts'
import type { Node } from './tree.ts'
import { functionsIn } from './tree.ts'
import { volatileIn } from './volatile.ts'

/** What the engine knows about its functions, once macros.sql has run. All names are in lower case. */
export interface Functions {
  /** Defined in macros.sql. */
  macros: ReadonlySet<string>
  /** Whose value depends on when, where or how often they are called; macros that call one are among them. */
  volatile: ReadonlySet<string>
  aggregates: ReadonlySet<string>
  /** Whose value depends on their arguments alone. */
  scalars: ReadonlySet<string>
  /** Macros whose value depends on more than their arguments, and what in them does. */
  reaching: ReadonlyMap<string, string>
}

interface Macro {
  name: string
  table: boolean
  internal: boolean
  tree: unknown
}

export async function functionsOf(session: Session): Promise<Functions> {
  const functions = await session.rows<{ name: string; type: string; volatile: boolean; internal: boolean; tree: string | null }>(
    "SELECT DISTINCT lower(function_name) AS name, function_type AS type, coalesce(stability <> 'CONSISTENT', false) AS volatile, internal, "
    + "CASE WHEN function_type IN ('macro', 'table_macro') THEN json_serialize_sql("
    + "CASE WHEN function_type = 'macro' THEN 'SELECT ' || macro_definition ELSE macro_definition END) END AS tree FROM duckdb_functions()",
  )
  const named = (of: string): string[] => functions.flatMap(({ name, type }) => (type === of ? name : []))
  const bodies = functions.flatMap(({ name, type, internal, tree }): Macro[] =>
    tree === null ? [] : [{ name, table: type === 'table_macro', internal, tree: JSON.parse(tree) as unknown }])
  const volatile = new Set(functions.flatMap((one) => (one.volatile ? one.name : [])))
  const aggregates = new Set(named('aggregate'))
  const reaching = new Map<string, string>()
  for (let before = -1; before < volatile.size + reaching.size; ) {
    before = volatile.size + reaching.size
    for (const { name, table, tree } of bodies) {
      if (volatileIn(tree, volatile).length > 0) volatile.add(name)
      const reaches = table ? undefined : reachOf(tree, aggregates, reaching)
      if (reaches !== undefined && !reaching.has(name)) reaching.set(name, reaches)
    }
  }
  const macros = new Set(bodies.flatMap(({ name, internal }) => (internal ? [] : name)))
  const scalars = new Set([...named('scalar'), ...named('macro')].filter((name) => !aggregates.has(name)))
  return { macros, volatile, aggregates, scalars, reaching }
}

/** What in a macro's body sees more than one row. */
function reachOf(tree: unknown, aggregates: ReadonlySet<string>, reaching: ReadonlyMap<string, string>): string | undefined {
  const [read] = referencesOf(tree, () => undefined).flatMap(({ kind, name }) => (kind === 'relation' ? name : []))
  if (read !== undefined) return `a subquery over ${read}`
  for (const node of outsideSubqueries(tree)) {
    if (node['class'] === 'WINDOW') return 'a window function'
    const [called] = typeof node['function_name'] === 'string' ? functionsIn({ function_name: node['function_name'] }) : []
    if (called !== undefined && aggregates.has(called)) return called
    if (called !== undefined && reaching.has(called)) return reaching.get(called)
  }
  return undefined
}

/** A subquery that reads no relation is a function of the values in it, such as (SELECT max(x) FROM unnest(list)). */
function* outsideSubqueries(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  const { subquery, ...node } = tree as Node
  if (!Array.isArray(tree)) yield tree as Node
  if (subquery !== undefined && (tree as Node)['class'] !== 'SUBQUERY') yield* outsideSubqueries(subquery)
  for (const part of Object.values(node)) yield* outsideSubqueries(part)
}
