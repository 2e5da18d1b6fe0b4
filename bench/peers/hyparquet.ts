import { join } from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import type { Row } from './rows.ts'
import { batches } from './rows.ts'

/**
 * A stream to Parquet in JavaScript by hyparquet-writer with its own settings (SNAPPY), rolled at the last size of its default row groups.
 *
 * Argument: the directory for the files.
 */
const [directory] = process.argv.slice(2) as [string]

const ROLL = 100_000

type Column = 'micros' | 'text' | 'texts' | 'json'

const COLUMNS: Record<keyof Row, Column> = {
  event_time: 'micros',
  kind: 'text',
  action: 'text',
  did: 'text',
  collection: 'text',
  rkey: 'text',
  cid: 'text',
  rev: 'text',
  subject_uri: 'text',
  subject_did: 'text',
  text: 'text',
  langs: 'texts',
  reply_parent: 'text',
  created_at: 'micros',
  record: 'json',
  ingested_at: 'micros',
}

const NAMES = Object.keys(COLUMNS) as (keyof Row)[]

type Element = NonNullable<Parameters<typeof parquetWriteFile>[0]['schema']>[number]

const SCHEMA: Element[] = [{ name: 'root', num_children: NAMES.length }, ...NAMES.flatMap((name) => elements(name, COLUMNS[name]))]

function elements(name: string, type: Column): Element[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const
  switch (type) {
    case 'micros':
      return [{ ...optional, type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } }]
    case 'text':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
    case 'json':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'JSON' }]
    case 'texts':
      return [
        { ...optional, num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      ]
  }
}

let files = 0
for await (const rows of batches(ROLL)) {
  // A null in a JSON column would be written as the text null.
  const columnData = NAMES.map((name) => ({ name, data: rows.map((row) => row[name] ?? undefined) }))
  parquetWriteFile({ filename: join(directory, `${String(files++).padStart(8, '0')}.parquet`), schema: SCHEMA, columnData })
}
