import { openEngine, quote } from '../../src/duckdb.ts'

/**
 * A reader in a process of its own: counts and sums the lake by `read_parquet('lake/**')` in a loop until its stdin ends, a third of the
 * time with a query that takes long after it has listed the lake. Prints one line of JSON for each answer:
 * `[events, sum of the numbers in their rkeys]`, or `{ error }`.
 */
const [lake = 'lake', slow = '0'] = process.argv.slice(2)
const glob = `read_parquet(${quote(`${lake}/**`)}, hive_partitioning = false)`
let reading = true
process.stdin.resume().on('end', () => (reading = false))
const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
const numbers = "sum(substr(rkey, 2)::BIGINT)::BIGINT"
for (let n = 0; reading; n++) {
  try {
    // Crossing with a range keeps a scan going for as long as the range is.
    const query =
      slow !== '0' && n % 3 === 2
        ? `SELECT count(*) // ${slow} AS events, (sum(substr(rkey, 2)::BIGINT + length(md5(rkey || r.range::VARCHAR)) * 0) / ${slow})::BIGINT AS total FROM ${glob}, range(${slow}) r`
        : `SELECT count(*) AS events, ${numbers} AS total FROM ${glob}`
    const [row] = await session.rows<{ events: bigint; total: bigint | null }>(query)
    process.stdout.write(`${JSON.stringify([Number(row?.events), Number(row?.total ?? 0)])}\n`)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  }
}
session.close()
engine.close()
