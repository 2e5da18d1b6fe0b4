import { openEngine, quote } from '../../src/duckdb.ts'
import { answer, plainRows } from './answer.ts'

/**
 * JSONBench as its folder duckdb has it: a table with one JSON column, in a file.
 *
 * Arguments: load, the DuckDB file, the messages; or query, the DuckDB file.
 */
const [what, file, input] = process.argv.slice(2) as ['load' | 'query', string, string]

const CREATED = "(j->>'$.kind' = 'commit') AND (j->>'$.commit.operation' = 'create')"

const QUERIES = [
  "SELECT j->>'$.commit.collection' AS event,count() AS count FROM bluesky GROUP BY event ORDER BY count DESC",
  `SELECT j->>'$.commit.collection' AS event,count() AS count,count(DISTINCT j->>'$.did') AS users FROM bluesky WHERE ${CREATED} GROUP BY event ORDER BY count DESC`,
  `SELECT j->>'$.commit.collection' AS event,hour(TO_TIMESTAMP(CAST(j->>'$.time_us' AS BIGINT) / 1000000)) as hour_of_day,count() AS count FROM bluesky WHERE ${CREATED} AND (j->>'$.commit.collection' in ['app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like']) GROUP BY event, hour_of_day ORDER BY hour_of_day, event`,
  `SELECT j->>'$.did'::String as user_id,TO_TIMESTAMP(CAST(MIN(j->>'$.time_us') AS BIGINT) / 1000000) AS first_post_date FROM bluesky WHERE ${CREATED}   AND (j->>'$.commit.collection' = 'app.bsky.feed.post') GROUP BY user_id ORDER BY first_post_date ASC LIMIT 3`,
  `SELECT j->>'$.did'::String as user_id,date_diff('milliseconds', TO_TIMESTAMP(CAST(MIN(j->>'$.time_us') AS BIGINT) / 1000000),TO_TIMESTAMP(CAST(MAX(j->>'$.time_us') AS BIGINT) / 1000000)) AS activity_span FROM bluesky WHERE ${CREATED} AND (j->>'$.commit.collection' = 'app.bsky.feed.post') GROUP BY user_id ORDER BY activity_span DESC LIMIT 3`,
]

const engine = await openEngine()
const session = await engine.connect()
await session.run(`ATTACH ${quote(file)} AS bench; USE bench`)
if (what === 'load') {
  await session.run('CREATE TABLE bluesky (j JSON)')
  // JSONBench allows objects of 1 GB, whose buffers make it cut its files into pieces first.
  await session.run(`INSERT INTO bluesky SELECT * FROM read_ndjson_objects(${quote(input)}, ignore_errors=false)`)
  await session.run('CHECKPOINT')
  const rows = await session.rows<{ rows: bigint }>('SELECT count(*) AS rows FROM bluesky')
  process.stdout.write(String(rows[0]?.rows))
} else {
  await answer(QUERIES, { query: (sql) => session.rows(sql), rows: plainRows })
}
await session.run('USE memory; DETACH bench')
session.close()
engine.close()
