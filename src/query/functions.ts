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

export async function functionsOf(session: Session): Promise<Functions> {
  const functions = await session.rows<{ name: string; type: string; volatile: boolean; internal: boolean; tree: string | null }>(
    "SELECT DISTINCT lower(function_name) AS name, function_type AS type, coalesce(stability <> 'CONSISTENT', false) AS volatile, internal, "
    + "CASE WHEN function_type IN ('macro', 'table_macro') THEN json_serialize_sql("
    + "CASE WHEN function_type = 'macro' THEN 'SELECT ' || macro_definition ELSE macro_definition END) END AS tree FROM duckdb_functions()",
  )
  const named = (of: string): string[] => functions.flatMap(({ name, type }) => (type === of ? name : []))
  const volatile = new Set(functions.flatMap((one) => (one.volatile ? one.name : [])))
  const aggregates = new Set(named('aggregate'))
  const reaching = new Map<string, string>()
  const bodies = functions.flatMap(({ name, type, tree }) => (tree === null ? [] : bodyOf(name, type, JSON.parse(tree), { volatile, aggregates })))
  for (const { name, reach, isVolatile } of bodies) {
    if (reach !== undefined) reaching.set(name, reach)
    if (isVolatile) volatile.add(name)
  }
  // A macro does what those do that it calls.
  for (let before = -1; before < volatile.size + reaching.size; ) {
    before = volatile.size + reaching.size
    for (const { name, calls, callsOutside } of bodies) {
      if (calls.some((called) => volatile.has(called))) volatile.add(name)
      const reached = callsOutside.find((called) => reaching.has(called))
      if (reached !== undefined && !reaching.has(name)) reaching.set(name, reaching.get(reached) as string)
    }
  }
  const macros = new Set(functions.flatMap(({ name, internal, tree }) => (internal || tree === null ? [] : name)))
  const scalars = new Set([...named('scalar'), ...named('macro')].filter((name) => !aggregates.has(name)))
  return { macros, volatile, aggregates, scalars, reaching }
}

interface Body {
  name: string
  isVolatile: boolean
  /** What in it sees more than one row. */
  reach: string | undefined
  calls: string[]
  /** Those outside of its subqueries: one that reads no relation is a function of the values in it, such as (SELECT max(x) FROM unnest(list)). */
  callsOutside: string[]
}

function bodyOf(name: string, type: string, tree: unknown, { volatile, aggregates }: { volatile: ReadonlySet<string>; aggregates: ReadonlySet<string> }): Body {
  const isVolatile = volatileIn(tree, volatile).length > 0
  const calls = [...functionsIn(tree)]
  if (type !== 'macro') return { name, isVolatile, reach: undefined, calls, callsOutside: [] }
  const outside = [...outsideSubqueries(tree)]
  const callsOutside = [...new Set(outside.flatMap(({ function_name: called }) => (typeof called === 'string' ? called.toLowerCase() : [])))]
  const read = referencesOf(tree, () => undefined).find(({ kind }) => kind === 'relation')
  const aggregate = callsOutside.find((called) => aggregates.has(called))
  const window = outside.some((node) => node['class'] === 'WINDOW') ? 'a window function' : undefined
  return { name, isVolatile, reach: read ? `a subquery over ${read.name}` : (window ?? aggregate), calls, callsOutside }
}

function* outsideSubqueries(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  if (!Array.isArray(tree)) yield tree as Node
  const isSubquery = (tree as Node)['class'] === 'SUBQUERY'
  for (const [key, part] of Object.entries(tree)) if (!isSubquery || key !== 'subquery') yield* outsideSubqueries(part)
}
