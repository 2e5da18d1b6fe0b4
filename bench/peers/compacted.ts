import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openEngine, quote } from '../../src/duckdb.ts'
import { formatFile, HOUR_MS } from '../../src/lake/names.ts'

/**
 * Makes a lake as compaction leaves it from one Parquet file of events: in each hour files of a million rows,
 * one after another in time, sorted inside by collection and time.
 *
 * Arguments: the Parquet file, the lake.
 */
const [events, lake] = process.argv.slice(2) as [string, string]

const ROWS = 1_000_000

const engine = await openEngine()
const session = await engine.connect()
const source = `read_parquet(${quote(events)})`

// Cut to milliseconds on their way to JavaScript: the same cut for the end of one file and the start of the next.
const files = await session.rows<{ hour: bigint; part: bigint; start: Date }>(`
  SELECT hour, part, min(event_time) AS start
  FROM (SELECT event_time, hour, (row_number() OVER (PARTITION BY hour ORDER BY event_time) - 1) // ${ROWS} AS part
    FROM (SELECT event_time, epoch_ms(event_time) // ${HOUR_MS} AS hour FROM ${source}))
  GROUP BY hour, part ORDER BY start`)
for (const [place, { hour, part, start }] of files.entries()) {
  const end = files[place + 1]?.start ?? new Date((Number(hour) + 1) * HOUR_MS)
  const path = join(lake, formatFile({ hour: Number(hour), generation: 1, part: Number(part) }))
  await mkdir(dirname(path), { recursive: true })
  const [from, to] = [start, end].map((time) => `TIMESTAMPTZ ${quote(time.toISOString())}`)
  await session.run(`
    COPY (FROM ${source} WHERE event_time >= ${from} AND event_time < ${to} ORDER BY collection, event_time)
    TO ${quote(path)} (FORMAT parquet, COMPRESSION zstd)`)
}
session.close()
engine.close()
