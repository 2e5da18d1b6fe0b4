import type { Column, Session } from '../duckdb.ts'
import type { Objection } from './row-wise.ts'
import { ABOVE } from './row-wise.ts'
import type { Node } from './tree.ts'
import { functionsIn, locationOf, nodesOf } from './tree.ts'
import { columnsOfQuery } from './unparse.ts'

export type By = 'sum' | 'min' | 'max'

/** A column that is added up, or of which the least or the greatest counts. */
export interface Folded {
  column: Column
  by: By
  /** The aggregate alone. */
  aggregate: Node
}

const AGGREGATES: Record<By, string[]> = { sum: ['count_star', 'count', 'count_if', 'countif', 'sum'], min: ['min'], max: ['max'] }
const WRITTEN: Record<By, string> = { sum: 'count(*), count(x), count_if(x) or sum(x)', min: 'min(x)', max: 'max(x)' }

const DISTINCT_ROWS = 'keep the rows in a staging model with SELECT DISTINCT and accumulates: {distinct: true}, and count them in a model above'

/** The aggregate in a column, if that of the whole follows from those of parts; a cast, FILTER and coalesce(…, 0) of a sum may be around it. */
export function foldOf(item: Node, by: By, name: string): { aggregate: Node } | Objection {
  const found = [...nodesOf(item)].filter(({ class: of }) => of === 'FUNCTION')
  const distinct = found.find((node) => node['distinct'] === true)
  if (distinct) {
    const what = `${String(distinct['function_name'])}(DISTINCT …)`
    if (by === 'sum') return { got: `${what}, in which a value of two hours would count twice; ${DISTINCT_ROWS}`, location: locationOf(distinct) }
    return { got: `${what} under ${by}; remove DISTINCT`, location: locationOf(distinct) }
  }
  const inner = unwrapped(item, by)
  const aggregate = inner['class'] === 'FUNCTION' ? String(inner['function_name']).toLowerCase() : undefined
  const children = (inner['children'] as unknown[] | undefined)?.length
  if (aggregate !== undefined && AGGREGATES[by].includes(aggregate) && (children ?? 0) <= 1) return { aggregate: inner }
  const names = functionsIn(item)
  const advice = names.has('avg') || names.has('mean')
    ? `avg; keep its sum and its count here, and divide ${ABOVE}`
    : names.has('approx_count_distinct')
      ? `approx_count_distinct, which does not add up; ${DISTINCT_ROWS}`
      : `${described(item)} as \`${name}\`; under ${by} a column is ${WRITTEN[by]}: write that alone, or remove accumulates`
  return { got: advice, location: locationOf(item) }
}

/** Without what changes nothing in how values add up. TRY_CAST makes a null of what is too large. */
function unwrapped(item: Node, by: By): Node {
  if (item['class'] === 'CAST' && item['try_cast'] !== true) return unwrapped(item['child'] as Node, by)
  if (by === 'sum' && item['type'] === 'OPERATOR_COALESCE') {
    const [first, ...rest] = item['children'] as Node[]
    if (first && rest.length === 1 && isZero(rest[0])) return unwrapped(first, by)
  }
  return item
}

function isZero(node: Node | undefined): boolean {
  return node?.['class'] === 'CONSTANT' && Number((node['value'] as { value: unknown }).value) === 0
}

function described(item: Node): string {
  const name = item['class'] === 'FUNCTION' ? String(item['function_name']) : undefined
  if (name !== undefined) return item['is_operator'] === true ? `an expression with ${name}` : name
  return item['class'] === 'COLUMN_REF' ? 'a plain column' : 'an expression'
}

/** HAVING max(x) >= n, which the whole fulfils where one part does, if nothing else is kept of a group. */
export function thresholdOf(having: Node, { by, aggregate }: Folded): boolean {
  const types = { max: ['COMPARE_GREATERTHANOREQUALTO', 'COMPARE_GREATERTHAN'], min: ['COMPARE_LESSTHANOREQUALTO', 'COMPARE_LESSTHAN'], sum: [] as string[] }[by]
  return types.includes(String(having['type'])) && sameExpression(having['left'] as Node, aggregate) && (having['right'] as Node)['class'] === 'CONSTANT'
}

/** The same text but for places and aliases. */
export function sameExpression(one: Node, other: Node): boolean {
  const text = (of: Node): string => JSON.stringify(of, (key, value: unknown) => (key === 'query_location' || key === 'alias' ? undefined : value)).toLowerCase()
  return text(one) === text(other)
}

const WHOLE = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/
const DECIMAL = /^DECIMAL\(\d+,(\d+)\)$/
const NUMBER = /^(FLOAT|DOUBLE)$/
const TIME = /^(DATE|TIMESTAMP.*)$/

/** What is added up must be so exactly, in any order, and a cast must not change which is the greatest. */
export async function keptTypes(session: Session, node: Node, folded: readonly Folded[]): Promise<Objection[]> {
  // A count is a BIGINT, and what is not cast is as it was.
  const doubtful = folded.filter(({ by, aggregate, column }) => (by === 'sum' ? aggregate['function_name'] === 'sum' || column.type !== 'BIGINT' : isCast(node, aggregate)))
  if (doubtful.length === 0) return []
  const added = doubtful.map(({ aggregate }, place) => ({ ...aggregate, alias: `folded_${place}` }))
  const all = { ...node, select_list: [...(node['select_list'] as Node[]), ...added], modifiers: [], having: null }
  const types = (await columnsOfQuery(session, all)).slice(-doubtful.length)
  return doubtful.flatMap(({ column, by, aggregate }, place): Objection[] => {
    const type = types[place]?.type as string
    const got = by === 'sum' ? ofSum(type, column) : ofGreatest(type, column, by)
    return got === undefined ? [] : [{ got, location: locationOf(aggregate) }]
  })
}

function isCast(node: Node, aggregate: Node): boolean {
  return !(node['select_list'] as Node[]).includes(aggregate)
}

function ofSum(type: string, { name, type: kept }: Column): string | undefined {
  const scale = scaleOf(type)
  const keptScale = scaleOf(kept)
  if (scale === undefined) return `a sum of ${type} as \`${name}\`, which depends on the order of its parts; add up bigint or decimal instead, as in sum(cast(x as bigint))`
  if (keptScale === undefined || keptScale < scale) return `a sum of ${type} that is cast to ${kept} as \`${name}\`, of which each part would be rounded; cast it ${ABOVE}`
  if (/HUGEINT$/.test(kept)) return `a sum of ${kept} as \`${name}\`, which Parquet does not have; cast it, as in cast(sum(x) as bigint)`
  return undefined
}

/** Digits behind the point; undefined where it is no exact number. */
function scaleOf(type: string): number | undefined {
  const decimal = DECIMAL.exec(type)
  return decimal ? Number(decimal[1]) : WHOLE.test(type) ? 0 : undefined
}

function ofGreatest(type: string, { name, type: kept }: Column, by: By): string | undefined {
  const isNumber = (of: string): boolean => scaleOf(of) !== undefined || NUMBER.test(of)
  if (type === kept || (isNumber(type) && isNumber(kept)) || (TIME.test(type) && TIME.test(kept))) return undefined
  return `${by} of ${type} that is cast to ${kept} as \`${name}\`, in which another value may be the ${by === 'max' ? 'greatest' : 'least'}; cast inside of ${by}`
}
