import { openEngine, quote } from '../../src/duckdb.ts'

/**
 * Typical queries over a lake, one after another in one process, the first time to warm up. Prints the median of each as JSON, ms.
 *
 * Arguments: the lake, how often.
 */
const [lake, times] = process.argv.slice(2) as [string, string]

const events = `read_parquet(${quote(`${lake}/**`)}, hive_partitioning = false)`
const QUERIES = {
  count: `SELECT count(*) FROM ${events}`,
  likes: `SELECT date_trunc('minute', event_time) AS minute, count(*) FROM ${events} WHERE collection = 'app.bsky.feed.like' AND action = 'create' GROUP BY ALL ORDER BY ALL`,
  words: `SELECT count(*) FROM ${events} WHERE collection = 'app.bsky.feed.post' AND regexp_matches(text, '\\bengineering\\b', 'i')`,
}

const engine = await openEngine()
const session = await engine.connect()
const medians: Record<string, number> = {}
for (const [name, sql] of Object.entries(QUERIES)) {
  const took: number[] = []
  for (let n = 0; n <= Number(times); n++) {
    const begin = performance.now()
    await session.rows(sql)
    if (n > 0) took.push(performance.now() - begin)
  }
  medians[name] = took.sort((a, b) => a - b)[took.length >> 1] as number
}
session.close()
engine.close()
process.stdout.write(JSON.stringify(medians))
