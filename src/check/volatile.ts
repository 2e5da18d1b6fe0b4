import type { Session } from '../duckdb.ts'
import type { Parsed } from '../query/parse.ts'
import { offsetsIn } from '../query/parse.ts'
import type { Problem } from '../query/problem.ts'
import { problemAt } from '../query/problem.ts'
import { functionsIn, locationOf, nodesOf } from './tree.ts'

/** Functions that SQL calls without parentheses: DuckDB's parse shows columns of these names. */
const BARE = ['current_catalog', 'current_date', 'current_role', 'current_schema', 'current_time', 'current_timestamp', 'current_user', 'localtime',
  'localtimestamp', 'session_user', 'user']

export interface Functions {
  /** Defined in macros.sql. */
  macros: ReadonlySet<string>
  /** Whose value depends on when, where or how often they are asked; macros that call one are among them. */
  volatile: ReadonlySet<string>
}

/** What the engine knows about its functions, once the macros are defined. All names are in lower case. */
export async function functionsOf(session: Session): Promise<Functions> {
  const builtIn = await session.rows<{ name: string }>("SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'")
  const defined = await session.rows<{ name: string; tree: string }>(
    'SELECT lower(function_name) AS name, json_serialize_sql('
    + "CASE WHEN function_type = 'macro' THEN 'SELECT ' || macro_definition ELSE macro_definition END) AS tree "
    + "FROM duckdb_functions() WHERE NOT internal AND function_type IN ('macro', 'table_macro')",
  )
  const volatile = new Set(builtIn.map(({ name }) => name))
  const bodies = defined.map(({ name, tree }) => ({ name, tree: JSON.parse(tree) as unknown }))
  for (let before = -1; before < volatile.size; ) {
    before = volatile.size
    for (const { name, tree } of bodies) if (volatileIn(tree, volatile).length > 0) volatile.add(name)
  }
  return { macros: new Set(bodies.map(({ name }) => name)), volatile }
}

/** What in this model gives another value tomorrow, for a result of which parts are kept. */
export function volatileProblems({ file, sql, tree }: Parsed, kept: string, { volatile }: Functions): Problem[] {
  const offsetOf = offsetsIn(sql)
  return volatileIn(tree, volatile).map(({ name, location }) => {
    const message = `expected only what is the same tomorrow, since what each hour contributes to ${kept} is kept, got ${name}; read max(event_time) instead`
    const offset = offsetOf(location)
    return offset === undefined ? { file, message } : problemAt(file, sql, offset, message)
  })
}

function volatileIn(tree: unknown, volatile: ReadonlySet<string>): { name: string; location: number }[] {
  return [...nodesOf(tree)].flatMap((node) => {
    const [called] = typeof node['function_name'] === 'string' ? functionsIn({ function_name: node['function_name'] }) : []
    if (called !== undefined && volatile.has(called)) return { name: called, location: locationOf(node) }
    const [bare, ...more] = (node['column_names'] as string[] | undefined) ?? []
    if (bare !== undefined && more.length === 0 && BARE.includes(bare.toLowerCase())) return { name: bare, location: locationOf(node) }
    return node['sample'] ? { name: 'a sample', location: locationOf(node) } : []
  })
}
