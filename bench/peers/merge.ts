import { openEngine, quote } from '../../src/duckdb.ts'
import { PARTS } from '../../src/lake/compact.ts'
import { COLUMNS } from '../../src/lake/schema.ts'

/**
 * The limit of compaction: DuckDB alone reads the files of an hour and writes one, by one statement, on every core, in the same order and codec.
 * It takes all the memory it wants, looks for no repetitions, syncs nothing, and gives one file of any size.
 *
 * Arguments: the directory of the hour, the Parquet file.
 */
const [hour, output] = process.argv.slice(2) as [string, string]

const engine = await openEngine()
const session = await engine.connect()
await session.run(`COPY (SELECT ${COLUMNS} FROM read_parquet(${quote(`${hour}/**`)}, hive_partitioning = false) ORDER BY ${PARTS.order}) TO ${quote(output)} (${PARTS.format})`)
session.close()
engine.close()
