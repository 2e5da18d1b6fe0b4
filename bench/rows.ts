import { join } from 'node:path'
import { openEngine, quote } from '../src/duckdb.ts'

/** Rows of all Parquet files below a directory, by their footers. */
export async function rowsBelow(directory: string): Promise<number> {
  const engine = await openEngine()
  const session = await engine.connect()
  const [total] = await session.rows<{ rows: bigint }>(
    `SELECT sum(num_rows)::BIGINT AS rows FROM parquet_file_metadata(${quote(join(directory, '**/*.parquet'))})`,
  )
  session.close()
  engine.close()
  return Number(total?.rows)
}
