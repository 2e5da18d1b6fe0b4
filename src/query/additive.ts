import type { Column, Session } from '../duckdb.ts'
import type { Functions } from './functions.ts'
import type { Accumulates } from './header.ts'
import { keyOf, SOURCES } from './models.ts'
import type { Parsed } from './parse.ts'
import { offsetsIn } from './parse.ts'
import type { Problem } from './problem.ts'
import { problemAt } from './problem.ts'
import type { Kind, Objection, RowWise, Scope } from './row-wise.ts'
import { ABOVE, readsStream, rowWise, windowObjections } from './row-wise.ts'
import type { Folded } from './fold.ts'
import { foldOf, keptTypes, sameExpression, thresholdOf } from './fold.ts'
import type { Node } from './tree.ts'
import { locationOf, nodesOf } from './tree.ts'
import { columnsOfQuery, parseQuery } from './unparse.ts'
import { volatileProblems } from './volatile.ts'

/**
 * Why what the parts of the stream say about a model does not give what the whole says; nothing where it does. Only SQL of which it is known is
 * accepted: rows made of events one by one, in the views below and in the subqueries, and at the outermost SELECT nothing but what can be added up.
 * `views` are the staging models that it reads, directly or not, in order; all of them, and the model itself, can be bound in this session.
 */
export async function additiveProblems(session: Session, model: Parsed, views: readonly Parsed[], columns: readonly Column[], functions: Functions): Promise<Problem[]> {
  const problems: Problem[] = []
  const objectTo = ({ file, sql }: Parsed): ((objection: Objection) => void) => {
    const offsetOf = offsetsIn(sql)
    return ({ got, location }) => {
      const message = `expected only what adds up from hour to hour, since what each hour contributes to ${model.name} is kept, got ${got}`
      const offset = offsetOf(location)
      problems.push(offset === undefined ? { file, message } : problemAt(file, sql, offset, message))
    }
  }
  const how = model.header.accumulates as Accumulates
  const scope = new Map<string, Kind>([[SOURCES[0], 'stream']])
  for (const view of views) {
    const node = nodeOf(view)
    const object = objectTo(view)
    const kind = readsStream(node, scope) ? 'stream' : 'fixed'
    if (kind === 'stream') {
      qualified(node).forEach(object)
      if (how.window !== undefined) windowObjections(node, how.max ? 'max' : 'min', scope, functions).forEach(object)
      else rowWise(functions, object).query(node, scope)
    }
    scope.set(keyOf(view.name), kind)
  }
  const object = objectTo(model)
  qualified(nodeOf(model)).forEach(object)
  for (const objection of await outermost(session, nodeOf(model), columns, how, scope, functions)) object(objection)
  for (const read of [...views, model]) problems.push(...volatileProblems(read, model.name, functions))
  return problems
}

function nodeOf({ tree }: Parsed): Node {
  return (tree as { node: Node }).node
}

/** Only a bare name means a part of the stream where the engine looks at one. */
function qualified(tree: Node): Objection[] {
  const tables = [...nodesOf(tree)].filter((node) => node['type'] === 'BASE_TABLE' && `${String(node['catalog_name'])}${String(node['schema_name'])}` !== '')
  return tables.map((node) => ({ got: `${String(node['schema_name'])}.${String(node['table_name'])}; name it without its schema`, location: locationOf(node) }))
}

async function outermost(session: Session, node: Node, columns: readonly Column[], how: Accumulates, models: Scope, functions: Functions): Promise<Objection[]> {
  const found: Objection[] = []
  const say = (at: unknown, got: string): void => void found.push({ got, location: locationOf(at) })
  const rows = rowWise(functions, (objection) => void found.push(objection))
  for (const objection of modifierObjections(node, how, models)) found.push(objection)
  if (node['type'] !== 'SELECT_NODE') {
    if (how.rows) rows.query({ ...node, modifiers: [] }, models)
    else say(node, `${String(node['setop_type'] ?? node['type'])} as the outermost query; put it into a staging model, or remove accumulates`)
    return found
  }
  if (!readsStream(node, models)) say(node, 'a query that reads no events; remove accumulates')
  if (how.rows) {
    rows.query({ ...node, modifiers: [] }, models)
    return found
  }
  const scope = below(node, how, models, rows, functions, found)
  if (node['qualify']) say(node['qualify'], `QUALIFY; write it ${ABOVE}`)
  if ((node['group_sets'] as unknown[]).length > 1) say(node['group_expressions'], 'more than one grouping (ROLLUP, CUBE or GROUPING SETS); write a model for each')
  const items = node['select_list'] as Node[]
  if (items.length !== columns.length || items.some((item) => item['class'] === 'STAR')) {
    say(items, '*; name the columns, so that it shows which are added up')
    return found
  }
  const keys: Node[] = []
  const folded: Folded[] = []
  const totals = new Set<string>()
  for (const [place, item] of items.entries()) {
    const column = columns[place] as Column
    const by = (['sum', 'min', 'max'] as const).find((list) => how[list]?.includes(column.name))
    if (by === undefined) {
      keys.push(item)
      continue
    }
    const fold = foldOf(item, by, column.name)
    totals.add(column.name.toLowerCase())
    if ('got' in fold) found.push(fold)
    else {
      rows.expression([fold.aggregate['children'], fold.aggregate['filter']], scope)
      folded.push({ ...fold, column, by })
    }
  }
  // DuckDB takes a bare name for a column of what is read first, and only then for one of the result.
  const ofTotals = keys.flatMap((item) => [...nodesOf(item)].filter((one) => totals.has(bareName(one) ?? '')))
  const ofGroups = (node['group_expressions'] as Node[]).filter((group) => keys.some((item) => String(item['alias']).toLowerCase() === bareName(group)))
  const inputs = ofTotals.length + ofGroups.length > 0 ? await inputColumns(session, node) : new Set<string>()
  for (const item of keys) rows.expression(item, scope)
  for (const reference of ofTotals.filter((one) => !inputs.has(bareName(one) as string))) {
    say(reference, `a column made of \`${bareName(reference)}\`, which is another one when that is whole; write it ${ABOVE}`)
  }
  const isDistinct = (node['modifiers'] as Node[]).some(({ type }) => type === 'DISTINCT_MODIFIER')
  const isGrouped = (node['group_sets'] as unknown[]).length > 0 || node['aggregate_handling'] === 'FORCE_AGGREGATES'
  if (how.distinct && !isDistinct && !isGrouped) say(items, 'a SELECT that may give a row more than once; write SELECT DISTINCT')
  for (const group of ungrouped(node, items, keys, inputs)) {
    say(group, 'GROUP BY something that is no column of the result, so that rows of several groups would be added up as one; add it to the SELECT list')
  }
  if (node['having'] && !(folded.length === 1 && items.length === keys.length + 1 && thresholdOf(node['having'] as Node, folded[0] as Folded))) {
    say(node['having'], `HAVING, which judges a part of the stream as if it were the whole; filter ${ABOVE}`)
  }
  return [...found, ...(await keptTypes(session, node, folded))]
}

/** What the outermost SELECT reads, and under which condition. */
function below(node: Node, how: Accumulates, models: Scope, rows: RowWise, functions: Functions, found: Objection[]): Scope {
  if (how.window === undefined) {
    const scope = rows.ctes(node, models)
    rows.relation(node['from_table'] as Node, scope)
    rows.expression(node['where_clause'], scope)
    return scope
  }
  const { cte_map: ctes, from_table: from, where_clause: where } = node
  found.push(...windowObjections([ctes, from, where], how.max ? 'max' : 'min', models, functions))
  const names = (ctes as { map: { key: string }[] }).map.map(({ key }): [string, Kind] => [keyOf(key), 'stream'])
  return new Map([...models, ...names])
}

/** The outermost ORDER BY and LIMIT are applied to what all parts give together. */
function modifierObjections(node: Node, how: Accumulates, scope: Scope): Objection[] {
  const modifiers = node['modifiers'] as Node[]
  const isOrdered = modifiers.some(({ type }) => type === 'ORDER_MODIFIER')
  return modifiers.flatMap((modifier): Objection[] => {
    const say = (got: string): Objection[] => [{ got, location: Math.min(locationOf(modifier), Number.MAX_SAFE_INTEGER) }]
    if (readsStream(modifier, scope)) return say('a subquery over events in ORDER BY or LIMIT; remove it')
    switch (modifier['type']) {
      case 'ORDER_MODIFIER':
        return []
      case 'LIMIT_MODIFIER':
        return isOrdered ? [] : say('LIMIT without ORDER BY, which may take other rows in each run; add an ORDER BY')
      case 'DISTINCT_MODIFIER':
        if (how.distinct && (modifier['distinct_on_targets'] as unknown[]).length === 0) return []
        return [{ got: how.rows ? 'DISTINCT, in which a row of two hours would come twice; say accumulates: {distinct: true}' : 'DISTINCT; remove it, or write it ' + ABOVE, location: locationOf(node) }]
      default:
        return say('LIMIT %; give a number of rows')
    }
  })
}

/** Group expressions that no key column shows. */
function ungrouped(node: Node, items: readonly Node[], keys: readonly Node[], inputs: ReadonlySet<string>): Node[] {
  const free = new Set(keys)
  return (node['group_expressions'] as Node[]).filter((group) => {
    const value = group['class'] === 'CONSTANT' ? (group['value'] as { value: unknown }).value : undefined
    const item = typeof value === 'number' ? items[value - 1] : [...free].find((key) => shows(key, group, inputs))
    return item === undefined || !free.delete(item)
  })
}

function shows(item: Node, group: Node, inputs: ReadonlySet<string>): boolean {
  if (sameExpression(item, group)) return true
  if (group['class'] !== 'COLUMN_REF') return false
  const names = group['column_names'] as string[]
  const name = (names.at(-1) as string).toLowerCase()
  if (item['class'] === 'COLUMN_REF' && (item['column_names'] as string[]).at(-1)?.toLowerCase() === name) return true
  return names.length === 1 && String(item['alias']).toLowerCase() === name && !inputs.has(name)
}

/** In lower case; undefined of what is no name without a table before it. */
function bareName(node: Node): string | undefined {
  const names = node['class'] === 'COLUMN_REF' ? (node['column_names'] as string[]) : []
  return names.length === 1 ? names[0]?.toLowerCase() : undefined
}

/** Names of the columns of what a SELECT reads, in lower case. */
async function inputColumns(session: Session, node: Node): Promise<Set<string>> {
  const star = await parseQuery(session, 'SELECT * FROM t')
  const every = { ...node, select_list: star['select_list'], modifiers: [], group_expressions: [], group_sets: [], aggregate_handling: 'STANDARD_HANDLING', having: null, qualify: null }
  const names = await columnsOfQuery(session, every)
  return new Set(names.map(({ name }) => name.toLowerCase()))
}
