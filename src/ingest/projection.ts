import { exactly, quote } from '../duckdb.ts'

/**
 * SQL that turns lines into rows of the events table. Two ways lead to the same rows:
 *
 * - {@link strictRows} reads a segment whose every line is a valid event with the keys of `./bluesky`'s output.
 *   Any other line makes the statement fail, by its first one.
 * - {@link carefulSteps} takes lines one by one from a table and says of each what it is or why it is rejected.
 *
 * Measured, one core, 200,000 lines: strict 640 ms; parsing whole lines and looking at their keys 820 ms;
 * materialising the batch before writing it 800 ms.
 */

/** Events before 2020 or more than a day ahead are rejected: one such line must not create a partition. */
const EARLIEST = "TIMESTAMPTZ '2020-01-01 00:00:00+00'"

const DAY_MS = 86_400_000

/**
 * The first file that read_json sees. It alone is sampled, so it fixes names and types (JSON where the samples disagree),
 * and with detected columns, unlike given ones, DuckDB refuses lines with an unknown key, at no cost.
 */
export const TEMPLATE = ['"x"', '{}', '[]']
  .map(
    (any) =>
      `{"timestamp":"x","action":"x","path":"x","cid":"x","prev":${any},"py_type":${any},"record":${any},` +
      `"repo":"x","rev":"x","time_us":"x","kind":"template"}\n`,
  )
  .join('')

/** What the strict and the careful way have in common: `source` has the columns listed here, and rows come out as EVENTS. */
function typed(source: string, options: { ingestedAt: Date; careful: boolean }): string {
  const uri = "json_extract_string(r.subject, '$.uri')"
  const record = '{"subject":"VARCHAR","text":"VARCHAR","langs":["VARCHAR"],"reply":{"parent":{"uri":"VARCHAR"}},"createdAt":"VARCHAR"}'
  return `
SELECT ${options.careful ? 'n, ' : ''}event_time, kind, action, did, collection, rkey, cid, rev, subject_uri,
  CASE WHEN starts_with(subject_uri, 'at://') THEN split_part(subject_uri, '/', 3)
       WHEN starts_with(subject_uri, 'did:') THEN subject_uri END AS subject_did,
  r.text AS text, r.langs AS langs, r.reply.parent.uri AS reply_parent,
  CASE WHEN isfinite(created_at) THEN created_at END AS created_at,
  record, extra, TIMESTAMPTZ ${quote(options.ingestedAt.toISOString())} AS ingested_at
FROM (
  SELECT *,
    CASE WHEN starts_with(r.subject, '{') THEN ${options.careful ? `try(${uri})` : uri} ELSE r.subject END AS subject_uri,
    ${timeIn('r."createdAt"')} AS created_at
  FROM (SELECT *, json_transform(record, '${record}') AS r FROM (${source}))
)`
}

/** Rows of a segment (a path), or an error for the first line that is not a plain valid event. `longest` is the longest line in bytes. */
export function strictRows(options: { template: string; segment: string; longest: number; now: number; ingestedAt: Date }): string {
  const files = exactly(options.template, options.segment)
  // DuckDB allocates buffers of twice this size for each file.
  const size = Math.max(2 ** 20, 2 ** Math.ceil(Math.log2(options.longest + 1)))
  return typed(
    `
  SELECT CASE WHEN ${valid(options.now)}
      AND prev IS NULL AND (time_us IS NULL OR try_cast(time_us AS BIGINT) = epoch_us(event_time))
    THEN event_time ELSE error('not plain') END AS event_time,
    kind, action, did, path[:slash - 1] AS collection, path[slash + 1:] AS rkey, cid, rev, record,
    CASE WHEN py_type IS NOT NULL THEN ('{"py_type":' || py_type || '}')::JSON END AS extra
  FROM (
    SELECT ${timeIn('timestamp')} AS event_time, coalesce(kind, 'commit') AS kind, action, repo AS did,
      path, strpos(path, '/') AS slash, cid, rev, record, prev, py_type, time_us
    FROM read_json(${files}, format = 'newline_delimited', records = true, maximum_sample_files = 1, maximum_object_size = ${size})
    WHERE kind IS DISTINCT FROM 'template'
  )`,
    { ...options, careful: false },
  )
}

/**
 * The time that a text says, null where it names its zone (`… Europe/Berlin`): after such a text, DuckDB 1.5.6 reads
 * those without a zone in the same vector in that zone too.
 */
function timeIn(text: string): string {
  return `CASE WHEN strpos(${text}, ' ') = 0 OR NOT regexp_matches(${text}, ' [A-Za-z]') THEN try_cast(${text} AS TIMESTAMPTZ) END`
}

/** True of a row that is an event. `slash` is the place of the first slash in `path`. */
function valid(now: number): string {
  return `event_time BETWEEN ${EARLIEST} AND ${latest(now)} AND did <> '' AND kind <> '' AND (kind <> 'commit'
      OR (action IN ('create', 'update', 'delete') AND slash > 1 AND slash < length(path) AND strpos(path[slash + 1:], '/') = 0))`
}

function latest(now: number): string {
  return `TIMESTAMPTZ ${quote(new Date(now + DAY_MS).toISOString())}`
}

/**
 * Statements that turn the table `lines (line)` into `accepted` (columns of EVENTS, with `n`, in order of lines)
 * and `refused (n, reason)`; `n` counts lines from 0. Every line is in one of the two.
 */
export function carefulSteps(options: { now: number; ingestedAt: Date }): string[] {
  const top =
    '{"timestamp":"VARCHAR","action":"VARCHAR","path":"VARCHAR","cid":"VARCHAR","prev":"JSON","py_type":"JSON","record":"JSON",' +
    '"repo":"VARCHAR","rev":"VARCHAR","time_us":"VARCHAR","kind":"VARCHAR","did":"VARCHAR","identity":"JSON","account":"JSON","$type":"VARCHAR",' +
    '"commit":{"rev":"VARCHAR","operation":"VARCHAR","collection":"VARCHAR","rkey":"VARCHAR","record":"JSON","cid":"VARCHAR"},' +
    '"payload":{"$type":"VARCHAR","did":"VARCHAR","time":"VARCHAR","rev":"VARCHAR","operation":"VARCHAR","collection":"VARCHAR",' +
    '"rkey":"VARCHAR","record":"JSON","cid":"VARCHAR"}}'
  return [
    // A JSON function on a line that is none is an error, so each step sees only what passed the one before.
    `CREATE OR REPLACE TEMP TABLE valid AS SELECT rowid AS n, line FROM lines WHERE json_valid(line)`,
    `CREATE OR REPLACE TEMP TABLE object AS SELECT n, line, ${twice('keys')} OR (list_contains(keys, 'commit') AND ${twice("json_keys(line, '$.commit')")})
  OR (list_contains(keys, 'payload') AND ${twice("json_keys(line, '$.payload')")}) AS twice
FROM (SELECT n, line, json_keys(line) AS keys FROM valid WHERE json_type(line) = 'OBJECT')`,
    `CREATE OR REPLACE TEMP TABLE shaped AS
SELECT n, line,
  CASE WHEN t."$type" = 'message' AND t.payload IS NOT NULL THEN 'v2' WHEN t.did IS NOT NULL AND t.repo IS NULL THEN 'v1' ELSE 'plain' END AS shape, t
FROM (SELECT n, line, json_transform(line, '${top}') AS t FROM object WHERE NOT twice)`,
    `CREATE OR REPLACE TEMP TABLE mapped AS ${['plain', 'v1', 'v2'].map((shape) => mappedFrom(shape as Shape)).join('\nUNION ALL')}`,
    `CREATE OR REPLACE TEMP TABLE judged AS SELECT *, ${reasonFor(options.now)} AS reason FROM (SELECT *, strpos(path, '/') AS slash FROM mapped)`,
    `CREATE OR REPLACE TEMP TABLE accepted AS SELECT * FROM (${typed(
      `
  SELECT n, event_time, kind, action, did, path[:slash - 1] AS collection, path[slash + 1:] AS rkey, cid, rev, record,
    CASE WHEN rest <> '{}' THEN (
      SELECT ('{' || string_agg(to_json(key) || ':' || value, ',' ORDER BY id) || '}')::JSON FROM json_each(rest) WHERE type <> 'NULL'
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

type Shape = 'plain' | 'v1' | 'v2'

/** One of the three shapes as `n, event_time, claimed (time as text), kind, action, did, path, cid, rev, record, rest`. */
function mappedFrom(shape: Shape): string {
  const micros = (text: string): string => `try(make_timestamptz(try_cast(${text} AS BIGINT)))`
  const without = (document: string, ...keys: string[]): string =>
    `json_merge_patch(${document}, '{${keys.map((key) => `"${key}":null`).join(',')}}')`
  switch (shape) {
    case 'plain':
      return `
SELECT n, CASE WHEN t.timestamp IS NULL THEN ${micros('t.time_us')} ELSE ${timeIn('t.timestamp')} END AS event_time,
  coalesce(t.timestamp, t.time_us) AS claimed, coalesce(t.kind, 'commit') AS kind, t.action AS action, t.repo AS did, t.path AS path,
  t.cid AS cid, t.rev AS rev, t.record AS record,
  CASE WHEN t.time_us IS NULL OR try_cast(t.time_us AS BIGINT) = epoch_us(${timeIn('coalesce(t.timestamp, t.time_us)')}) OR t.timestamp IS NULL
    THEN ${without('line', 'timestamp', 'action', 'path', 'cid', 'record', 'repo', 'rev', 'kind', 'time_us')}
    ELSE ${without('line', 'timestamp', 'action', 'path', 'cid', 'record', 'repo', 'rev', 'kind')} END AS rest
FROM shaped WHERE shape = 'plain'`
    case 'v1':
      return `
SELECT n, ${micros('t.time_us')}, t.time_us, t.kind, t.commit.operation, t.did, t.commit.collection || '/' || t.commit.rkey,
  t.commit.cid, t.commit.rev, CASE t.kind WHEN 'identity' THEN t.identity WHEN 'account' THEN t.account ELSE t.commit.record END,
  json_merge_patch(${without('line', 'did', 'time_us', 'kind')}, CASE t.kind
    WHEN 'identity' THEN '{"identity":null}' WHEN 'account' THEN '{"account":null}'
    ELSE CASE WHEN json_type(line, '$.commit') IS DISTINCT FROM 'OBJECT' THEN '{}'
      WHEN ${without("json_extract(line, '$.commit')", ...COMMIT)} = '{}' THEN '{"commit":null}'
      ELSE '{"commit":{${COMMIT.map((key) => `"${key}":null`).join(',')}}}' END END)
FROM shaped WHERE shape = 'v1'`
    case 'v2': {
      // Merged, a payload would lose its nulls inside objects and what has the same name in both.
      const envelope = without('line', '$type', 'payload')
      const payload = without("json_extract(line, '$.payload')", '$type', 'did', 'time', ...COMMIT)
      return `
SELECT n, ${timeIn('t.payload.time')}, t.payload.time, split_part(t.payload."$type", '#', 2), t.payload.operation, t.payload.did,
  t.payload.collection || '/' || t.payload.rkey, t.payload.cid, t.payload.rev, t.payload.record,
  CASE WHEN ${envelope} = '{}' THEN ${payload} ELSE (left(${envelope}, -1) || ',"payload":' || ${payload} || '}')::JSON END
FROM shaped WHERE shape = 'v2'`
    }
  }
}

/** What the steps leave behind. */
export const STEP_TABLES = ['lines', 'valid', 'object', 'shaped', 'mapped', 'judged', 'accepted', 'refused']

/** True where one of these keys stands twice. */
function twice(keys: string): string {
  return `coalesce(len(${keys}) > len(list_distinct(${keys})), false)`
}

const COMMIT = ['rev', 'operation', 'collection', 'rkey', 'record', 'cid']

function reasonFor(now: number): string {
  return `CASE
  WHEN claimed IS NULL THEN 'no time: expected timestamp, time_us or payload.time'
  WHEN event_time IS NULL THEN 'not a time: ' || left(claimed, 64)
  WHEN event_time NOT BETWEEN ${EARLIEST} AND ${latest(now)} THEN 'time before 2020 or more than a day ahead'
  WHEN did IS NULL OR did = '' THEN 'no user: expected repo or did'
  WHEN kind IS NULL OR kind = '' THEN 'no kind'
  WHEN kind = 'commit' AND action IS NULL THEN 'no action'
  WHEN kind = 'commit' AND action NOT IN ('create', 'update', 'delete') THEN 'action is not create, update or delete'
  WHEN kind = 'commit' AND (path IS NULL OR slash < 2 OR slash >= length(path) OR strpos(path[slash + 1:], '/') > 0)
    THEN 'path is not collection/rkey'
END`
}
