import type { Functions } from './functions.ts'
import { keyOf } from './models.ts'
import { referencesOf } from './parse.ts'
import type { Node } from './tree.ts'
import { locationOf, nodesOf } from './tree.ts'

/** `stream`: rows made of events, one by one. `fixed`: the same rows whatever part of the stream is looked at. */
export type Kind = 'stream' | 'fixed'

/** Names of relations, in lower case. */
export type Scope = ReadonlyMap<string, Kind>

export interface Objection {
  /** Completes "expected …, got". */
  got: string
  /** In bytes of the text. */
  location: number
}

export interface RowWise {
  /** The kinds of the common table expressions of a query, beside those of `scope`; each is looked at. */
  ctes(node: Node, scope: Scope): Scope
  relation(node: Node, scope: Scope): Kind
  /** Looks at a query that is not the outermost one. */
  query(node: Node, scope: Scope): Kind
  expression(value: unknown, scope: Scope): void
}

export const ABOVE = 'in a model above, which reads this one'

/** Relations made of a row's own values. */
const UNNESTING = ['unnest', 'range', 'generate_series', 'json_each', 'json_tree', 'regexp_split_to_table']

const CLASSES = ['BETWEEN', 'CASE', 'CAST', 'COLLATE', 'COLUMN_REF', 'COMPARISON', 'CONJUNCTION', 'CONSTANT', 'FUNCTION', 'LAMBDA', 'LAMBDA_REF', 'OPERATOR',
  'POSITIONAL_REFERENCE', 'STAR', 'SUBQUERY', 'WINDOW']

/** Of a join of events with fixed rows: those that give for each event, by itself, what they give for all. */
const JOINS: Record<'left' | 'right', string[]> = { left: ['INNER', 'LEFT', 'SEMI', 'ANTI'], right: ['INNER', 'RIGHT'] }

/** Whether a tree reads the stream, in a subquery or not. */
export function readsStream(tree: unknown, scope: Scope): boolean {
  return referencesOf(tree, () => undefined).some(({ kind, name }) => kind === 'relation' && scope.get(keyOf(name)) === 'stream')
}

/**
 * Looks whether SQL makes its rows of events one by one, so that the rows of all parts of the stream together are those of the whole.
 * What is not known to is an objection.
 */
export function rowWise({ aggregates, scalars, reaching }: Functions, object: (objection: Objection) => void): RowWise {
  const say = (node: unknown, got: string): void => object({ got, location: locationOf(node) })

  function ctes(node: Node, scope: Scope): Scope {
    const inner = new Map(scope)
    for (const { key, value } of (node['cte_map'] as { map: { key: string; value: { query: { node: Node } } }[] }).map) {
      inner.set(keyOf(key), query(value.query.node, inner))
    }
    return inner
  }

  function query(node: Node, scope: Scope): Kind {
    if (!readsStream(node, scope)) return 'fixed'
    const inner = ctes(node, scope)
    for (const modifier of node['modifiers'] as Node[]) {
      if (modifier['type'] === 'DISTINCT_MODIFIER') say(node, `DISTINCT in a subquery, where a value would be left in each part of the stream; write it ${ABOVE}`)
      else if (modifier['type'] !== 'ORDER_MODIFIER') say(modifier, `LIMIT or OFFSET in a subquery, which each part of the stream would fill anew; write it ${ABOVE}`)
    }
    if (node['type'] === 'SET_OPERATION_NODE') unionAll(node, inner)
    else if (node['type'] === 'SELECT_NODE') select(node, inner)
    else say(node, 'a recursive query over events; remove it')
    return 'stream'
  }

  function unionAll(node: Node, scope: Scope): void {
    const sides = [node['left'], node['right']] as [Node, Node]
    const isUnion = node['setop_type'] === 'UNION' || node['setop_type'] === 'UNION_BY_NAME'
    if (!isUnion || node['setop_all'] !== true) say(node, `${isUnion ? 'UNION without ALL' : String(node['setop_type'])}, which compares rows of a part of the stream only; write it ${ABOVE}`)
    const kinds = sides.map((side) => query(side, scope))
    if (kinds.includes('fixed')) say(node, `UNION ALL of events and of rows that are no events, which would come once for each part of the stream; write it ${ABOVE}`)
  }

  function select(node: Node, scope: Scope): void {
    if ((node['group_sets'] as unknown[]).length > 0 || node['aggregate_handling'] === 'FORCE_AGGREGATES') {
      say(node['group_expressions'], `GROUP BY in a subquery or in a view below, whose groups would be incomplete in a part of the stream; group only in the outermost SELECT, or ${ABOVE}`)
      return
    }
    if (node['having']) say(node['having'], 'HAVING in a subquery or in a view below; remove it')
    if (node['qualify']) say(node['qualify'], `QUALIFY, which sees the rows of a part of the stream only; write it ${ABOVE}`)
    relation(node['from_table'] as Node, scope)
    expression([node['select_list'], node['where_clause']], scope)
  }

  function relation(node: Node, scope: Scope): Kind {
    switch (node['type']) {
      case 'BASE_TABLE':
        return scope.get(keyOf(String(node['table_name']))) ?? 'fixed'
      case 'SUBQUERY':
        return query((node['subquery'] as { node: Node }).node, scope)
      case 'JOIN':
        return join(node, scope)
      case 'TABLE_FUNCTION': {
        const { function_name: name, children } = node['function'] as { function_name: string; children: unknown }
        if (!UNNESTING.includes(name.toLowerCase())) say(node, `the relation ${name}(…), which may be another one for each part of the stream; use one of ${UNNESTING.join(', ')}`)
        expression(children, scope)
        return 'fixed'
      }
      case 'EXPRESSION_LIST':
        expression(node['values'], scope)
        return 'fixed'
      case 'EMPTY':
        return 'fixed'
      default:
        say(node, `${String(node['type'])}, of which it is not known whether it adds up; write it ${ABOVE}`)
        return 'stream'
    }
  }

  function join(node: Node, scope: Scope): Kind {
    const [left, right] = [relation(node['left'] as Node, scope), relation(node['right'] as Node, scope)]
    const type = String(node['join_type'])
    if (left === 'fixed' && right === 'fixed') return 'fixed'
    if (left === right) {
      say(node, `a join of two relations of events, of which one may be in an earlier file than the other; join them ${ABOVE}, or if they are near each other, see window`)
    } else if (!JOINS[left === 'stream' ? 'left' : 'right'].includes(type) || node['ref_type'] === 'POSITIONAL') {
      say(node, `a ${node['ref_type'] === 'POSITIONAL' ? 'POSITIONAL' : type} JOIN that keeps rows without an event, which would come once for each part of the stream; write it ${ABOVE}`)
    }
    expression(node['condition'], scope)
    return 'stream'
  }

  function expression(value: unknown, scope: Scope): void {
    if (typeof value !== 'object' || value === null) return
    const node = value as Node
    switch (node['class']) {
      case undefined:
        break
      case 'SUBQUERY':
        if (readsStream(node['subquery'], scope)) {
          say(node, `a subquery over events (EXISTS, IN or a value), which sees a part of the stream only; write it ${ABOVE}`)
        }
        return expression(node['child'], scope)
      case 'WINDOW':
        return say(node, `a window function, which sees the rows of a part of the stream only; write it ${ABOVE}, or if rows far apart do not matter, see window`)
      case 'FUNCTION':
        called(node)
        break
      default:
        if (!CLASSES.includes(String(node['class'])) || node['type'] === 'GROUPING_FUNCTION') {
          say(node, `${String(node['type'])}, of which it is not known whether it adds up; write it ${ABOVE}`)
          return
        }
    }
    for (const part of Object.values(node)) expression(part, scope)
  }

  function called(node: Node): void {
    const name = String(node['function_name']).toLowerCase()
    const reach = reaching.get(name)
    if (aggregates.has(name)) say(node, `${name} in a place where it is asked of a part of the stream and is not added up; use it alone as a column of the outermost SELECT, or ${ABOVE}`)
    else if (reach !== undefined) say(node, `the macro ${name}, in which there is ${reach}; write it out, or use it ${ABOVE}`)
    else if (!scalars.has(name) && name !== 'unnest') say(node, `the function ${name}, of which it is not known whether it adds up; use it ${ABOVE}`)
  }

  return { ctes, relation, query, expression }
}

/** Aggregates that can only grow as events come. */
const GROWING = ['count', 'count_star', 'count_if', 'countif', 'sum', 'max']

/**
 * What contradicts `window`, under which the SQL sees some events of an hour at a time, again and again: the greatest (or least) of all that it
 * has said is what counts, so that nothing it says may become less (or more) by events that come later.
 */
export function windowObjections(tree: unknown, how: 'max' | 'min', scope: Scope, { aggregates, reaching }: Functions): Objection[] {
  return [...nodesOf(tree)].flatMap((node): Objection[] => {
    const got = ofWindow(node)
    return got === undefined ? [] : [{ got, location: locationOf(node) }]
  })

  function ofWindow(node: Node): string | undefined {
    const name = typeof node['function_name'] === 'string' ? node['function_name'].toLowerCase() : ''
    const type = String(node['type'])
    if (node['class'] === 'FUNCTION' || type === 'WINDOW_AGGREGATE') {
      const reach = reaching.get(name) ?? (aggregates.has(name) ? name : undefined)
      const allowed = how === 'max' ? GROWING : ['min']
      if (reach !== undefined && !allowed.includes(reach)) {
        return `${reach} in a model with window, which later events can make ${how === 'max' ? 'less' : 'more'}; use ${allowed.join(', ')}, or remove accumulates`
      }
    }
    if (type.startsWith('LIMIT')) return 'LIMIT or OFFSET in a subquery of a model with window; remove it, or accumulates'
    if (type === 'SET_OPERATION_NODE' && !String(node['setop_type']).startsWith('UNION')) return `${String(node['setop_type'])} in a model with window; remove it, or accumulates`
    if (type === 'RECURSIVE_CTE_NODE' && readsStream(node, scope)) return 'a recursive query over events; remove it, or accumulates'
    if (type === 'JOIN' && node['join_type'] === 'ANTI' && readsStream(node['right'], scope)) return 'an ANTI JOIN with events, which later ones can take back; remove accumulates'
    if (type === 'OPERATOR_NOT' && (node['children'] as Node[]).some((child) => child['class'] === 'SUBQUERY' && readsStream(child, scope))) {
      return 'NOT EXISTS or NOT IN over events, which later ones can take back; remove accumulates'
    }
    return undefined
  }
}
