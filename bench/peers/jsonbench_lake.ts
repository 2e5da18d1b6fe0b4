import { openEngine, quote } from '../../src/duckdb.ts'
import { answer, plainRows } from './answer.ts'

/**
 * The five questions of JSONBench asked of a lake, by DuckDB with the view and the settings of queries/lake.sql.
 *
 * Argument: the lake.
 */
const [lake] = process.argv.slice(2) as [string]

const CREATED = "kind = 'commit' AND action = 'create'"
const POSTED = `${CREATED} AND collection = 'app.bsky.feed.post'`

const QUERIES = [
  'SELECT collection AS event, count(*) AS count FROM events GROUP BY event ORDER BY count DESC',
  // Grouped by collection and did first, and counted then, it takes as long.
  `SELECT collection AS event, count(*) AS count, count(DISTINCT did) AS users FROM events WHERE ${CREATED} GROUP BY event ORDER BY count DESC`,
  // hour is the lake's partition, by UTC.
  `SELECT collection AS event, hour AS hour_of_day, count(*) AS count FROM events
   WHERE ${CREATED} AND collection IN ('app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like')
   GROUP BY event, hour_of_day ORDER BY hour_of_day, event`,
  `SELECT did AS user_id, min(event_time) AS first_post FROM events WHERE ${POSTED} GROUP BY user_id ORDER BY first_post LIMIT 3`,
  // date_diff of TIMESTAMPTZ asks the calendar of a time zone for every user.
  `SELECT did AS user_id, epoch_ms(max(event_time)) - epoch_ms(min(event_time)) AS activity_span
   FROM events WHERE ${POSTED} GROUP BY user_id ORDER BY activity_span DESC LIMIT 3`,
]

const engine = await openEngine()
const session = await engine.connect()
await session.run('SET parquet_metadata_cache = true')
await session.run(`CREATE VIEW events AS FROM read_parquet(${quote(`${lake}/**/*.parquet`)}, hive_partitioning = true, hive_types = {date: DATE, hour: BIGINT})`)
await answer(QUERIES, { query: (sql) => session.rows(sql), rows: plainRows })
session.close()
engine.close()
