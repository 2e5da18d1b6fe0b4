import type { Functions } from './functions.ts'
import type { Parsed } from './parse.ts'
import { offsetsIn } from './parse.ts'
import type { Problem } from './problem.ts'
import { problemAt } from './problem.ts'
import { functionsIn, locationOf, nodesOf } from './tree.ts'

/** Functions that SQL calls without parentheses: DuckDB's parse shows columns of these names. Those of the user are the same in every session. */
const BARE = ['current_catalog', 'current_date', 'current_schema', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp']

/** What in this model gives another value tomorrow, for a result of which parts are kept. */
export function volatileProblems({ file, sql, tree }: Parsed, kept: string, { volatile }: Pick<Functions, 'volatile'>): Problem[] {
  const offsetOf = offsetsIn(sql)
  return volatileIn(tree, volatile).map(({ name, location }) => {
    const message = `expected only what is the same tomorrow, since what each hour contributes to ${kept} is kept, got ${name}; read max(event_time) instead`
    const offset = offsetOf(location)
    return offset === undefined ? { file, message } : problemAt(file, sql, offset, message)
  })
}

export function volatileIn(tree: unknown, volatile: ReadonlySet<string>): { name: string; location: number }[] {
  return [...nodesOf(tree)].flatMap((node) => {
    const [called] = typeof node['function_name'] === 'string' ? functionsIn({ function_name: node['function_name'] }) : []
    if (called !== undefined && volatile.has(called)) return { name: called, location: locationOf(node) }
    const [bare, ...more] = (node['column_names'] as string[] | undefined) ?? []
    if (bare !== undefined && more.length === 0 && BARE.includes(bare.toLowerCase())) return { name: bare, location: locationOf(node) }
    return node['sample'] ? { name: 'a sample', location: locationOf(node) } : []
  })
}
