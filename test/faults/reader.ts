import { openEngine, quote } from '../../src/duckdb.ts'

/**
 * A reader in a process of its own: counts and sums the lake by `read_parquet('lake/**')` in a loop until its stdin ends, a third of the
 * time with a query that takes long after it has listed the lake. Prints one line of JSON for each answer:
 * `{ answer: [events, sum of the numbers in their rkeys, events more than once], ms }`, or `{ error, ms }`.
 */
const [lake = 'lake', slow = '0'] = process.argv.slice(2)
const glob = `read_parquet(${quote(`${lake}/**`)}, hive_partitioning = false)`
const number = "regexp_extract(rkey, '[0-9]+$')::BIGINT"
const quick = `SELECT count(*) AS events, sum(${number})::BIGINT AS total, count(*) - count(DISTINCT rkey) AS twice FROM ${glob}`
// Crossing with a range keeps a scan going for as long as the range is.
const long = `
SELECT count(*) // ${slow} AS events, (sum(${number} + length(md5(rkey || r.range::VARCHAR)) * 0) / ${slow})::BIGINT AS total, 0 AS twice
FROM ${glob}, range(${slow}) r`
let reading = true
process.stdin.resume().on('end', () => (reading = false))
const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
for (let n = 0; reading; n++) {
  const start = Date.now()
  const say = (said: object): void => void process.stdout.write(`${JSON.stringify({ ...said, ms: Date.now() - start })}\n`)
  try {
    const [row] = await session.rows<{ events: bigint; total: bigint | null; twice: bigint }>(slow !== '0' && n % 3 === 2 ? long : quick)
    say({ answer: [Number(row?.events), Number(row?.total ?? 0), Number(row?.twice)] })
  } catch (error) {
    say({ error: String(error) })
  }
}
session.close()
engine.close()
