import type { Parsed } from '../query/parse.ts'
import { offsetsIn } from '../query/parse.ts'
import type { Problem } from '../query/problem.ts'
import { problemAt } from '../query/problem.ts'
import type { Node } from '../query/tree.ts'
import { isKnown, locationOf, nodesOf } from '../query/tree.ts'

/**
 * Functions of both DuckDB and Spark, of the same name and meaning; any other is a macro in macros.sql, which the other engine has too.
 * Left out for their meaning: regexp_replace (all or the first), regexp_extract without group (1 or 0), size, dayofweek, weekday, date_diff.
 * Two things remain that no list shows: nulls are last in DuckDB and first in Spark, and "a name" is a text in Spark unless
 * spark.sql.ansi.doubleQuotedIdentifiers is set.
 */
const FUNCTIONS = new Set(`
  any_value approx_count_distinct array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if covar_pop covar_samp max max_by median min
  min_by mode percentile_cont percentile_disc regr_count regr_intercept regr_r2 regr_slope stddev_pop stddev_samp sum var_pop var_samp
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
  abs acos asin atan atan2 cbrt ceil ceiling cos degrees exp floor greatest least ln log10 log2 mod pi pow power radians round sign sin sqrt tan
  ascii char_length concat concat_ws contains hash instr left length levenshtein lower lpad ltrim md5 position repeat replace reverse right rpad rtrim
  split_part substr substring translate trim upper
  coalesce if ifnull nullif
  day dayofmonth dayofyear extract hour last_day make_date minute month quarter second weekofyear year date_trunc now
  array_append array_contains array_distinct array_intersect array_position flatten
`.trim().split(/\s+/))

/** Of both, if the group is given: by default it is 1 in Spark and 0 in DuckDB. */
const WITH_GROUP = ['regexp_extract', 'regexp_extract_all']

const OPERATORS = ['+', '-', '*', '/', '%', '||', '~~', '!~~', '~~*', '!~~*']

/** As written in a CAST. */
const TYPES = ['string', 'tinyint', 'smallint', 'int', 'integer', 'bigint', 'float', 'double', 'decimal', 'numeric', 'boolean', 'date', 'timestamp']

/** Where a metric leaves the SQL that DuckDB and Spark have in common. */
export function portableProblems({ file, sql, tree }: Parsed, macros: ReadonlySet<string>): Problem[] {
  const offsetOf = offsetsIn(sql)
  const context: Context = {
    macros,
    relations: relationsIn(tree),
    textAt: (location) => {
      const offset = offsetOf(location)
      return offset === undefined ? '' : sql.slice(offset)
    },
  }
  const nodes = [...nodesOf(tree)]
  // The function in a table function is judged with it.
  const inner = new Set(nodes.flatMap((node) => (node['type'] === 'TABLE_FUNCTION' ? [node['function']] : [])))
  return nodes.filter((node) => !inner.has(node)).flatMap((node) => {
    const objection = objectionTo(node, context)
    if (objection === undefined) return []
    const message = `expected SQL that Spark understands too, got ${objection}`
    const offset = offsetOf(locationOf(objection === FROM_FIRST ? node['from_table'] : objection === QUALIFY ? node['qualify'] : node))
    return offset === undefined ? { file, message } : problemAt(file, sql, offset, message)
  })
}

interface Context {
  macros: ReadonlySet<string>
  relations: ReadonlySet<string>
  textAt: (location: number) => string
}

const QUALIFY = 'QUALIFY; filter row_number() in a subquery'
const FROM_FIRST = 'FROM before SELECT; begin with SELECT'

function objectionTo(node: Node, context: Context): string | undefined {
  switch (node['class'] ?? node['type']) {
    case 'SELECT_NODE':
      return ofSelect(node)
    case 'SET_OPERATION_NODE':
      return node['setop_type'] === 'UNION_BY_NAME' ? 'UNION BY NAME; name the columns in one order' : undefined
    case 'JOIN':
      return ofJoin(node)
    case 'PIVOT':
      return 'PIVOT; write count(*) filter (where …) for each column'
    case 'TABLE_FUNCTION':
      return ofTableFunction(node)
    case 'ORDER_MODIFIER':
      return (node['orders'] as Node[]).some(({ expression }) => (expression as Node)['class'] === 'STAR') ? 'ORDER BY ALL; name the columns' : undefined
    case 'DISTINCT_MODIFIER':
      return (node['distinct_on_targets'] as unknown[]).length > 0 ? 'DISTINCT ON; filter row_number() in a subquery' : undefined
    case 'LIMIT_PERCENT_MODIFIER':
      return 'LIMIT %; give a number of rows'
    case 'STAR':
      return ofStar(node)
    case 'LAMBDA':
      return 'a lambda or ->; put it into a macro in macros.sql'
    case 'FUNCTION':
    case 'WINDOW':
      return ofFunction(node, context)
    case 'OPERATOR':
      if (node['type'] === 'ARRAY_SLICE') return 'a slice of a list; put it into a macro in macros.sql'
      if (node['type'] === 'ARRAY_EXTRACT') return 'an element of a list by its index, which begins at 1 here and at 0 there; put it into a macro in macros.sql'
      return node['type'] === 'STRUCT_EXTRACT' ? 'a field of a struct; use get_json_object, or a macro in macros.sql' : undefined
    case 'COLUMN_REF':
      return ofColumn(node['column_names'] as string[], context)
    case 'CAST':
      return ofCast(node, context)
    default:
      return undefined
  }
}

function ofSelect(node: Node): string | undefined {
  if (node['qualify']) return QUALIFY
  if (node['aggregate_handling'] === 'FORCE_AGGREGATES') return 'GROUP BY ALL; name the columns, or their numbers'
  if (node['sample']) return 'a sample; use hash(did) % 100 = 0'
  const from = locationOf(node['from_table'])
  const selected = node['select_list'] as Node[]
  // The star of a FROM without SELECT is not in the text, of which this says the beginning.
  const added = selected.some((item) => item['class'] === 'STAR' && item['query_location'] === 0)
  return added || (from !== Infinity && locationOf(selected) !== Infinity && locationOf(selected) > from) ? FROM_FIRST : undefined
}

function ofJoin(node: Node): string | undefined {
  if (node['ref_type'] === 'ASOF' || node['ref_type'] === 'POSITIONAL') return `a join that is ${node['ref_type']}; use a window function`
  return node['join_type'] === 'SEMI' || node['join_type'] === 'ANTI' ? `${node['join_type']} JOIN; use ${node['join_type'] === 'ANTI' ? 'NOT ' : ''}EXISTS` : undefined
}

function ofTableFunction(node: Node): string | undefined {
  const name = String((node['function'] as Node)['function_name'])
  return name.toLowerCase() === 'range' ? undefined : `${name}(…) as a relation; use explode in a select list`
}

function ofStar(node: Node): string | undefined {
  const has = (key: string): boolean => Array.isArray(node[key]) && node[key].length > 0
  if (has('exclude_list') || has('qualified_exclude_list')) return '* EXCLUDE; name the columns'
  if (has('replace_list')) return '* REPLACE; name the columns'
  if (has('rename_list') || has('qualified_rename_list')) return '* RENAME; name the columns'
  return node['expr'] ? 'COLUMNS(…); name the columns' : undefined
}

function ofFunction(node: Node, { macros, textAt }: Context): string | undefined {
  const name = String(node['function_name']).toLowerCase()
  const into = 'put it into a macro in macros.sql'
  if (node['is_operator']) return OPERATORS.includes(name) ? undefined : `the operator ${name}; ${name === '//' ? 'use floor(a / b)' : into}`
  // Put in by the grammar, as into an interval.
  if (!isKnown(node['query_location'])) return undefined
  if (name === 'list_value') return `a list in brackets; ${into}`
  if (name === 'struct_pack') return `a struct; ${into}`
  if (name === 'unnest') return 'unnest; use explode'
  // Some are called otherwise in the tree than in the text: percentile_cont, extract, interval '1' hour, (a, b).
  const written = /^(\w+)\s*\(/.exec(textAt(locationOf(node)))?.[1]?.toLowerCase()
  if (written === undefined && (name === 'row' || /^to_\w+s$/.test(name))) return undefined
  const called = written ?? name
  if (FUNCTIONS.has(called) || macros.has(called)) return undefined
  if (!WITH_GROUP.includes(called)) return `the function ${called}, which is not in both under this name and meaning; ${into}`
  return (node['children'] as unknown[]).length === 3 ? undefined : `${called} without a group; give 0 for all of a match`
}

function ofColumn(names: readonly string[], { relations }: Context): string | undefined {
  const [first = ''] = names
  return names.length > 2 || (names.length === 2 && !relations.has(first.toLowerCase()))
    ? `the field ${names.join('.')} of a struct; use get_json_object, or a macro in macros.sql`
    : undefined
}

function ofCast(node: Node, { textAt }: Context): string | undefined {
  const type = String((node['cast_type'] as Node)['id'])
  const text = isKnown(node['query_location']) ? textAt(node['query_location']) : ''
  if (text.startsWith('::')) return '::; write cast(x as bigint)'
  if (!/^(try_)?cast\b/i.test(text)) return type.endsWith('WITH TIME ZONE') ? `a literal of ${type}; cast a text` : undefined
  const written = castType(text)
  return written === undefined || TYPES.includes(written) ? undefined : `the type ${written}; Spark's are ${TYPES.join(', ')}`
}

/** The type of the CAST that a text begins with: what follows the last AS inside its own parentheses. */
function castType(text: string): string | undefined {
  let depth = 0
  let type: string | undefined
  for (const [token, name] of text.matchAll(/'(?:[^']|'')*'|--[^\n]*|\/\*[^]*?\*\/|[()]|\bas\s+(\w+)/gi)) {
    if (token === '(') depth++
    if (token === ')' && --depth === 0) return type
    if (name !== undefined && depth === 1) type = name.toLowerCase()
  }
  return undefined
}

/** What may stand before the dot of a column: tables, their aliases, common table expressions. */
function relationsIn(tree: unknown): Set<string> {
  const names = [...nodesOf(tree)].flatMap((node) => ('class' in node ? [] : [node['alias'], node['table_name'], node['key']]))
  return new Set(names.flatMap((name) => (typeof name === 'string' && name !== '' ? name.toLowerCase() : [])))
}
