import { stat, writeFile } from 'node:fs/promises'
import { openEngine, quote } from '../../src/duckdb.ts'
import { strictRows, templateLines } from '../../src/ingest/strict.ts'

/**
 * The limit: DuckDB alone reads a file and writes the same columns as one Parquet file, by one statement, on every core.
 * It sees the whole input at once, needs no log, syncs nothing, looks for no repetitions and ends at the first bad line.
 *
 * Arguments: the input, a path for the template, the Parquet file.
 */
const [input, template, output] = process.argv.slice(2) as [string, string, string]

await writeFile(template, templateLines('plain', template))
const now = Date.now()
const engine = await openEngine()
const session = await engine.connect()
// Simulated lines are short; the size of the buffers is the same as for a segment of such lines.
const rows = strictRows({ shape: 'plain', template, segment: input, longest: Math.min((await stat(input)).size, 2 ** 20 - 1), now, ingestedAt: new Date(now) })
await session.run(`COPY (${rows}) TO ${quote(output)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 2)`)
session.close()
engine.close()
