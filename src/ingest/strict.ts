import { exactly, quote } from '../duckdb.ts'
import { isPossible, typed } from './projection.ts'
import type { Shape } from './shape.ts'
import { BODIES, EXTRA, FIELDS, NAMES, SHAPES } from './shape.ts'

/** In the lines of a template, its path: no other line has that. */
const MARK = { plain: 'kind', v1: 'kind', v2: '$type' } as const

/**
 * The file that read_json sees before a segment. It alone is sampled, so it fixes names and types (JSON where the samples disagree),
 * and with detected columns, unlike given ones, DuckDB refuses lines with an unknown key, at no cost. With the keys of all
 * shapes in one template, lines of one took 1.16 times as long: absent structs are filled in, too.
 */
export function templateLines(shape: Shape, path: string): string {
  const sample = (any: unknown) => (key: string, type: unknown) =>
    key === MARK[shape] ? path : type === 'VARCHAR' ? 'x' : type === 'JSON' ? any : type
  return ['x', {}, []].map((any) => `${JSON.stringify(FIELDS[shape], sample(any))}\n`).join('')
}

/** The shape to try of a segment that begins with this line; undefined where it is none. */
export function shapeOf(line: string): Shape | undefined {
  try {
    const keys = Object.keys(JSON.parse(line) as object)
    return SHAPES.find((shape) => keys.every((key) => key in FIELDS[shape]))
  } catch {
    return undefined
  }
}

/**
 * Rows of a segment (a path), or an error for the first line that is not an event of this shape with no key but those of FIELDS.
 * `template` is the path of that file, `longest` the longest line in bytes.
 */
export function strictRows(options: { shape: Shape; template: string; segment: string; longest: number; now: number; ingestedAt: Date }): string {
  const { shape } = options
  const files = exactly(options.template, options.segment)
  // DuckDB allocates buffers of twice this size for each file.
  const size = Math.max(2 ** 20, 2 ** Math.ceil(Math.log2(options.longest + 1)))
  const { claimed: _, ...columns } = NAMES[shape]
  return typed(
    `
  SELECT * REPLACE (CASE WHEN ${valid(options.now)} AND plain THEN event_time ELSE error('not plain') END AS event_time)
  FROM (
    SELECT ${Object.entries(columns).map(([column, expression]) => `${expression} AS ${column}`).join(', ')},
      strpos(path, '/') AS slash, ${PLAIN[shape]} AS plain, ${extra(shape)} AS extra
    FROM read_json(${files}, format = 'newline_delimited', records = true, maximum_sample_files = 1, maximum_object_size = ${size}) AS t
    WHERE t."${MARK[shape]}" IS DISTINCT FROM ${quote(options.template)}
  )`,
    { ...options, careful: false },
  )
}

/** True of a row that is an event. */
function valid(now: number): string {
  return `${isPossible(now)} AND did <> '' AND kind <> '' AND (kind <> 'commit'
      OR (action IN ('create', 'update', 'delete') AND slash > 1 AND slash < length(path) AND strpos(substring(path, slash + 1), '/') = 0))`
}

/** True of a line that says nothing but what is in a column or in EXTRA. */
const PLAIN: Record<Shape, string> = {
  plain: 't.time_us IS NULL OR try_cast(t.time_us AS BIGINT) = epoch_us(event_time)',
  v1: oneBody('v1', 't', 'commit'),
  v2: `t."$type" = 'message' AND ${oneBody('v2', 't.payload', 'record')}`,
}

function oneBody(shape: 'v1' | 'v2', parent: string, usual: string): string {
  const none = (but: string): string => [usual, ...BODIES[shape]].filter((body) => body !== but).map((body) => `${parent}.${body} IS NULL`).join(' AND ')
  return `CASE ${NAMES[shape].kind} ${BODIES[shape].map((body) => `WHEN '${body}' THEN ${none(body)}`).join(' ')} ELSE ${none(usual)} END`
}

function extra(shape: Shape): string {
  const values = EXTRA[shape].map((key) => [key, `${shape === 'v2' ? 't.payload' : 't'}."${key}"`])
  if (values.length === 0) return 'NULL::JSON'
  return `CASE WHEN coalesce(${values.map(([, value]) => value).join(', ')}) IS NOT NULL
      THEN ('{' || concat_ws(',', ${values.map(([key, value]) => `'"${key}":' || ${value}`).join(', ')}) || '}')::JSON END`
}
