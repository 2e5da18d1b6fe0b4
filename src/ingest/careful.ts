import { quote } from '../duckdb.ts'
import { isPossible, typed } from './projection.ts'
import type { Shape } from './shape.ts'
import { KEPT_OF_VALUE, REASONS } from './reasons.ts'
import { BODIES, FIELDS, HELD, NAMES, SHAPE, SHAPES } from './shape.ts'

/** What the steps leave behind. */
export const STEP_TABLES = ['lines', 'valid', 'object', 'shaped', 'mapped', 'judged', 'accepted', 'refused']

/**
 * Statements that turn the table `lines (line)` into `accepted` (columns of EVENTS, with `n`, in order of lines)
 * and `refused (n, reason, value)`; `n` counts lines from 0. Every line is in one of the two.
 */
export function carefulSteps(options: { now: number; ingestedAt: Date }): string[] {
  return [
    // A JSON function on a line that is none is an error, so each step sees only what passed the one before.
    `CREATE OR REPLACE TEMP TABLE valid AS SELECT rowid AS n, line FROM lines WHERE json_valid(line)`,
    `CREATE OR REPLACE TEMP TABLE object AS
SELECT *, ${['keys', 'commit_keys', 'payload_keys'].map(twice).join(' OR ')} AS twice
FROM (SELECT *, ${keysOf('commit')}, ${keysOf('payload')} FROM (SELECT n, line, json_keys(line) AS keys FROM valid WHERE json_type(line) = 'OBJECT'))`,
    `CREATE OR REPLACE TEMP TABLE shaped AS
SELECT *, ${SHAPE} AS shape FROM (SELECT *, json_transform(line, '${JSON.stringify({ ...FIELDS.plain, ...FIELDS.v1, ...FIELDS.v2 })}') AS t FROM object WHERE NOT twice)`,
    `CREATE OR REPLACE TEMP TABLE mapped AS ${SHAPES.map(mapped).join('\nUNION ALL')}`,
    `CREATE OR REPLACE TEMP TABLE judged AS SELECT *, ${reasonFor(options.now)} AS reason FROM (SELECT *, strpos(path, '/') AS slash FROM mapped)`,
    `CREATE OR REPLACE TEMP TABLE accepted AS SELECT * FROM (${typed(
      `
  SELECT *, CASE WHEN others <> '{}' THEN (
      SELECT ('{' || string_agg(to_json(key) || ':' || value, ',' ORDER BY key) || '}')::JSON FROM json_each(others) WHERE type <> 'NULL'
    ) END AS extra
  FROM judged WHERE reason IS NULL`,
      { ...options, careful: true },
    )})`,
    `CREATE OR REPLACE TEMP TABLE refused AS
SELECT n, reason, left(${VALUE}, ${KEPT_OF_VALUE}) AS value FROM judged WHERE reason IS NOT NULL
UNION ALL SELECT n, '${REASONS.notObject}', CASE WHEN json_type(line) IN ('ARRAY', 'BOOLEAN', 'NULL') THEN lower(json_type(line))
  WHEN json_type(line) = 'VARCHAR' THEN 'string' ELSE 'number' END FROM valid WHERE json_type(line) <> 'OBJECT'
UNION ALL SELECT n, '${REASONS.duplicateKey}', NULL FROM object WHERE twice
UNION ALL SELECT rowid, '${REASONS.notJson}', NULL FROM lines WHERE NOT json_valid(line)`,
  ]
}

function mapped(shape: Shape): string {
  const columns = Object.entries(NAMES[shape]).map(([column, expression]) => `${expression} AS ${column}`)
  return `\nSELECT n, ${columns.join(', ')},\n  ${OTHERS[shape]} AS others FROM shaped WHERE shape = '${shape}'`
}

/** What is left of a line when its columns are taken out, as a JSON object. */
const OTHERS: Record<Shape, string> = {
  plain: others('line', 'keys', HELD.plain, `key <> 'time_us' OR (t.timestamp IS NOT NULL AND t.time_us IS NOT NULL
    AND coalesce(try_cast(t.time_us AS BIGINT) <> epoch_us(${NAMES.plain.event_time}), true))`),
  v1: othersOfMessage(),
  v2: othersOfFrame(),
}

/** What is left of `commit` stays under its key. Of the kinds with a body of their own, it stays whole, and so it does where it is no object. */
function othersOfMessage(): string {
  const message = ['did', 'time_us', 'kind']
  const commit = others("json_extract(line, '$.commit')", 'commit_keys', [...HELD.commit, 'record'])
  const outer = others('line', 'keys', [...message, 'commit'])
  return `CASE WHEN t.kind IN (${texts(BODIES.v1)}) THEN ${others('line', 'keys', message, 'key <> t.kind')}
    WHEN json_type(line, '$.commit') IS DISTINCT FROM 'OBJECT' THEN ${others('line', 'keys', message)}
    WHEN ${commit} = '{}' THEN ${outer}
    ELSE ${withMember(outer, 'commit', commit)} END`
}

/** What has the same name in both must not be lost: the payload stays apart where the envelope has more than that. */
function othersOfFrame(): string {
  const envelope = others('line', 'keys', ['$type', 'payload'])
  const body = `CASE WHEN ${NAMES.v2.kind} IN (${texts(BODIES.v2)}) THEN ${NAMES.v2.kind} ELSE 'record' END`
  const payload = others("json_extract(line, '$.payload')", 'payload_keys', ['$type', 'did', 'time', ...HELD.commit], `key <> ${body}`)
  return `CASE WHEN ${envelope} = '{}' THEN ${payload} ELSE ${withMember(envelope, 'payload', payload)} END`
}

/**
 * The members of an object, whose keys are given, but for some, and for those of which `condition` is false, as an object.
 * json_merge_patch goes down into all that it keeps: 200,000 brackets in an unknown field end the process.
 */
function others(document: string, keys: string, but: readonly string[], condition = 'true'): string {
  const names = `list_filter(${keys}, lambda key: key NOT IN (${texts(but)}) AND (${condition}))`
  const pointer = "'/' || replace(replace(key, '~', '~0'), '/', '~1')"
  return `coalesce('{' || array_to_string(list_transform(${names}, lambda key: to_json(key) || ':' || json_extract(${document}, ${pointer})), ',') || '}', '{}')`
}

function withMember(object: string, key: string, value: string): string {
  return `left(${object}, -1) || CASE WHEN ${object} = '{}' THEN '' ELSE ',' END || '"${key}":' || ${value} || '}'`
}

function texts(values: readonly string[]): string {
  return values.map(quote).join(', ')
}

function keysOf(key: string): string {
  return `CASE WHEN list_contains(keys, '${key}') THEN json_keys(line, '$.${key}') END AS ${key}_keys`
}

/** True where one of these keys stands twice. */
function twice(keys: string): string {
  return `coalesce(len(${keys}) > len(list_distinct(${keys})), false)`
}

function reasonFor(now: number): string {
  return `CASE
  WHEN claimed IS NULL THEN '${REASONS.missingTime}'
  WHEN event_time IS NULL THEN '${REASONS.notTimestamp}'
  WHEN NOT (${isPossible(now)}) THEN '${REASONS.timeOutOfRange}'
  WHEN did IS NULL OR did = '' THEN '${REASONS.missingUser}'
  WHEN kind IS NULL OR kind = '' THEN '${REASONS.missingKind}'
  WHEN kind = 'commit' AND action IS NULL THEN '${REASONS.missingAction}'
  WHEN kind = 'commit' AND action NOT IN ('create', 'update', 'delete') THEN '${REASONS.unknownAction}'
  WHEN kind = 'commit' AND (path IS NULL OR slash < 2 OR slash >= length(path) OR strpos(substring(path, slash + 1), '/') > 0) THEN '${REASONS.badPath}'
END`
}

/** What is at fault, by the reason. */
const VALUE = `CASE reason WHEN '${REASONS.notTimestamp}' THEN claimed WHEN '${REASONS.timeOutOfRange}' THEN claimed
  WHEN '${REASONS.unknownAction}' THEN action WHEN '${REASONS.badPath}' THEN path END`
