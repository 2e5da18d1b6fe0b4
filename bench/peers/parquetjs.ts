import { createRequire } from 'node:module'
import { join } from 'node:path'
import { batches } from './rows.ts'

/**
 * A stream to Parquet in JavaScript by parquetjs-lite as its own examples use it, with SNAPPY (its default is no compression)
 * and otherwise its own settings, rolled as handle-stream rolls. Its times are of milliseconds.
 *
 * Argument: the directory for the files.
 */
const [directory] = process.argv.slice(2) as [string]

const ROLL = 25_000

/** Its types in src are of the parts that the parquetjs writer builds on, which are not these. */
const { ParquetSchema, ParquetWriter } = createRequire(import.meta.url)('parquetjs-lite') as {
  ParquetSchema: new (fields: Record<string, object>) => object
  ParquetWriter: { openFile(schema: object, path: string): Promise<{ appendRow(row: object): Promise<void>; close(): Promise<void> }> }
}

const text = { type: 'UTF8', optional: true, compression: 'SNAPPY' }
const time = { ...text, type: 'TIMESTAMP_MILLIS' }

const schema = new ParquetSchema({
  event_time: time,
  kind: text,
  action: text,
  did: text,
  collection: text,
  rkey: text,
  cid: text,
  rev: text,
  subject_uri: text,
  subject_did: text,
  text,
  langs: { ...text, repeated: true },
  reply_parent: text,
  created_at: time,
  record: { ...text, type: 'JSON' },
  ingested_at: time,
})

const date = (micros: bigint | undefined): Date | undefined => (micros === undefined ? undefined : new Date(Number(micros / 1000n)))

let files = 0
for await (const rows of batches(ROLL)) {
  const writer = await ParquetWriter.openFile(schema, join(directory, `${String(files++).padStart(8, '0')}.parquet`))
  for (const row of rows) {
    const times = { event_time: date(row.event_time), created_at: date(row.created_at), ingested_at: date(row.ingested_at) }
    await writer.appendRow({ ...row, ...times })
  }
  await writer.close()
}
