import { isPossible, typed } from './projection.ts'
import type { Shape } from './shape.ts'
import { BODIES, FIELDS, HELD, NAMES, SHAPE, SHAPES } from './shape.ts'

/** What the steps leave behind. */
export const STEP_TABLES = ['lines', 'valid', 'object', 'shaped', 'mapped', 'judged', 'accepted', 'refused']

/**
 * Statements that turn the table `lines (line)` into `accepted` (columns of EVENTS, with `n`, in order of lines)
 * and `refused (n, reason)`; `n` counts lines from 0. Every line is in one of the two.
 */
export function carefulSteps(options: { now: number; ingestedAt: Date }): string[] {
  return [
    // A JSON function on a line that is none is an error, so each step sees only what passed the one before.
    `CREATE OR REPLACE TEMP TABLE valid AS SELECT rowid AS n, line FROM lines WHERE json_valid(line)`,
    `CREATE OR REPLACE TEMP TABLE object AS SELECT n, line, ${twice('keys')} OR (list_contains(keys, 'commit') AND ${twice("json_keys(line, '$.commit')")})
  OR (list_contains(keys, 'payload') AND ${twice("json_keys(line, '$.payload')")}) AS twice
FROM (SELECT n, line, json_keys(line) AS keys FROM valid WHERE json_type(line) = 'OBJECT')`,
    `CREATE OR REPLACE TEMP TABLE shaped AS
SELECT n, line, ${SHAPE} AS shape, t FROM (SELECT n, line, json_transform(line, '${JSON.stringify({ ...FIELDS.plain, ...FIELDS.v1, ...FIELDS.v2 })}') AS t FROM object WHERE NOT twice)`,
    `CREATE OR REPLACE TEMP TABLE mapped AS ${SHAPES.map(mapped).join('\nUNION ALL')}`,
    `CREATE OR REPLACE TEMP TABLE judged AS SELECT *, ${reasonFor(options.now)} AS reason FROM (SELECT *, strpos(path, '/') AS slash FROM mapped)`,
    `CREATE OR REPLACE TEMP TABLE accepted AS SELECT * FROM (${typed(
      `
  SELECT *, CASE WHEN rest <> '{}' THEN (
      SELECT ('{' || string_agg(to_json(key) || ':' || value, ',' ORDER BY key) || '}')::JSON FROM json_each(rest) WHERE type <> 'NULL'
    ) END AS extra
  FROM judged WHERE reason IS NULL`,
      { ...options, careful: true },
    )})`,
    `CREATE OR REPLACE TEMP TABLE refused AS
SELECT n, reason FROM judged WHERE reason IS NOT NULL
UNION ALL SELECT n, 'expected a JSON object, got ' || CASE WHEN json_type(line) IN ('ARRAY', 'BOOLEAN', 'NULL') THEN lower(json_type(line))
  WHEN json_type(line) = 'VARCHAR' THEN 'string' ELSE 'number' END FROM valid WHERE json_type(line) <> 'OBJECT'
UNION ALL SELECT n, 'a key stands twice' FROM object WHERE twice
UNION ALL SELECT rowid, 'not JSON' FROM lines WHERE NOT json_valid(line)`,
  ]
}

function mapped(shape: Shape): string {
  const columns = Object.entries(NAMES[shape]).map(([column, expression]) => `${expression} AS ${column}`)
  return `\nSELECT n, ${columns.join(', ')},\n  ${REST[shape]} AS rest FROM shaped WHERE shape = '${shape}'`
}

/** What is left of a line when its columns are taken out, as a JSON object. */
const REST: Record<Shape, string> = {
  plain: `CASE WHEN t.timestamp IS NULL OR t.time_us IS NULL OR try_cast(t.time_us AS BIGINT) = epoch_us(${NAMES.plain.event_time})
    THEN ${without('line', ...HELD.plain, 'time_us')}
    ELSE ${without('line', ...HELD.plain)} END`,
  v1: `json_merge_patch(${without('line', 'did', 'time_us', 'kind')}, CASE t.kind
    ${BODIES.v1.map((body) => `WHEN '${body}' THEN '{"${body}":null}'`).join(' ')}
    ELSE CASE WHEN json_type(line, '$.commit') IS DISTINCT FROM 'OBJECT' THEN '{}'
      WHEN ${without("json_extract(line, '$.commit')", ...HELD.commit, 'record')} = '{}' THEN '{"commit":null}'
      ELSE '{"commit":${nulls(...HELD.commit, 'record')}}' END END)`,
  v2: restOfFrame(),
}

/** Merged, a payload would lose its nulls inside objects and what has the same name in both: it stays apart where the envelope has more than that. */
function restOfFrame(): string {
  const envelope = without('line', '$type', 'payload')
  const body = `CASE WHEN ${NAMES.v2.kind} IN ('${BODIES.v2.join("', '")}') THEN ${NAMES.v2.kind} ELSE 'record' END`
  const payload = `json_merge_patch(${without("json_extract(line, '$.payload')", '$type', 'did', 'time', ...HELD.commit)}, '{"' || ${body} || '":null}')`
  return `CASE WHEN ${envelope} = '{}' THEN ${payload} ELSE (left(${envelope}, -1) || ',"payload":' || ${payload} || '}')::JSON END`
}

function without(document: string, ...keys: string[]): string {
  return `json_merge_patch(${document}, '${nulls(...keys)}')`
}

function nulls(...keys: string[]): string {
  return `{${keys.map((key) => `"${key}":null`).join(',')}}`
}

/** True where one of these keys stands twice. */
function twice(keys: string): string {
  return `coalesce(len(${keys}) > len(list_distinct(${keys})), false)`
}

function reasonFor(now: number): string {
  return `CASE
  WHEN claimed IS NULL THEN 'no time: expected timestamp, time_us or payload.time'
  WHEN event_time IS NULL THEN 'not a time: ' || left(claimed, 64)
  WHEN NOT (${isPossible(now)}) THEN 'time before 2020 or more than a day ahead'
  WHEN did IS NULL OR did = '' THEN 'no user: expected repo or did'
  WHEN kind IS NULL OR kind = '' THEN 'no kind'
  WHEN kind = 'commit' AND action IS NULL THEN 'no action'
  WHEN kind = 'commit' AND action NOT IN ('create', 'update', 'delete') THEN 'action is not create, update or delete'
  WHEN kind = 'commit' AND (path IS NULL OR slash < 2 OR slash >= length(path) OR strpos(path[slash + 1:], '/') > 0)
    THEN 'path is not collection/rkey'
END`
}
