import { createRequire } from 'node:module'
import type { Value } from './answer.ts'
import { answer } from './answer.ts'

/**
 * JSONBench as its folder clickhouse has it: a table with one JSON column, sorted by five of its paths.
 *
 * Arguments: where chdb is installed; load, the directory of the database, the messages; or merge, bytes or query, the directory.
 * Loaded, there is a part for each million rows: so JSONBench takes sizes and times, while ClickHouse begins to merge them.
 * Here it does not, which would take one of two cores from the questions. Printed are rows, bytes, or answers and their times.
 */
const [installed, what, directory, input] = process.argv.slice(2) as [string, 'load' | 'merge' | 'bytes' | 'query', string, string]

const CREATED = "data.kind = 'commit' AND data.commit.operation = 'create'"

const QUERIES = [
  'SELECT data.commit.collection AS event, count() AS count FROM bluesky GROUP BY event ORDER BY count DESC',
  `SELECT data.commit.collection AS event, count() AS count, uniqExact(data.did) AS users FROM bluesky WHERE ${CREATED} GROUP BY event ORDER BY count DESC`,
  `SELECT data.commit.collection AS event, toHour(fromUnixTimestamp64Micro(data.time_us)) as hour_of_day, count() AS count FROM bluesky WHERE ${CREATED} AND data.commit.collection in ['app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like'] GROUP BY event, hour_of_day ORDER BY hour_of_day, event`,
  `SELECT data.did::String as user_id, min(fromUnixTimestamp64Micro(data.time_us)) as first_post_ts FROM bluesky WHERE ${CREATED} AND data.commit.collection = 'app.bsky.feed.post' GROUP BY user_id ORDER BY first_post_ts ASC LIMIT 3`,
  `SELECT data.did::String as user_id, date_diff( 'milliseconds', min(fromUnixTimestamp64Micro(data.time_us)), max(fromUnixTimestamp64Micro(data.time_us))) AS activity_span FROM bluesky WHERE ${CREATED} AND data.commit.collection = 'app.bsky.feed.post' GROUP BY user_id ORDER BY activity_span DESC LIMIT 3`,
]

const DDL = `
  CREATE TABLE bluesky
  (
      \`data\` JSON(
          max_dynamic_paths = 0,
          kind LowCardinality(String),
          commit.operation LowCardinality(String),
          commit.collection LowCardinality(String),
          did String,
          time_us UInt64)  CODEC(ZSTD(1))
  )
  ENGINE = MergeTree
  ORDER BY (data.kind, data.commit.operation, data.commit.collection, data.did, fromUnixTimestamp64Micro(data.time_us))
  SETTINGS object_serialization_version = 'v3',
           dynamic_serialization_version = 'v3',
           object_shared_data_serialization_version = 'advanced',
           object_shared_data_serialization_version_for_zero_level_parts='map_with_buckets'`

interface Session {
  query(sql: string, format: string): string
  close(): void
}

const { Session } = createRequire(`${installed}/`)('chdb') as { Session: new (path: string) => Session }

const session = new Session(directory)
const rows = (text: string): (string | number)[][] => text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as (string | number)[])
const query = (sql: string): string => session.query(sql, 'JSONCompactEachRow')

query(what === 'load' ? 'CREATE DATABASE bench' : 'SELECT 1')
query('USE bench')
if (what === 'load') {
  query(DDL)
  const insert = `INSERT INTO bluesky SELECT * FROM file('${input}', 'JSONAsObject') SETTINGS min_insert_block_size_rows = 1_000_000, min_insert_block_size_bytes = 0`
  try {
    query(insert)
  } catch {
    query(`${insert}, input_format_allow_errors_num = 1_000_000_000, input_format_allow_errors_ratio = 1`)
  }
}
if (what === 'merge') query('OPTIMIZE TABLE bluesky FINAL')
else query('SYSTEM STOP MERGES bluesky')
if (what === 'query') await answer(QUERIES, { query, rows: (text) => rows(text).map((row) => row.map(plain)) })
else {
  const asked = what === 'bytes' ? "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'bench' AND active" : 'SELECT count() FROM bluesky'
  process.stdout.write(String(rows(query(asked))[0]?.[0]))
}
session.close()

function plain(value: string | number): Value {
  if (typeof value === 'number') return value
  if (/^\d+$/.test(value)) return Number(value)
  return /^\d{4}-\d\d-\d\d \d\d:/.test(value) ? `${value.slice(0, 23).replace(' ', 'T')}Z` : value
}
