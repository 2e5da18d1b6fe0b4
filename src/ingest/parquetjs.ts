import { createRequire } from 'node:module'
import type { ParquetSchema, ParquetWriter, RowBuffer } from 'parquetjs-lite'
import type { Struct } from '../lake/footer.ts'
import {
  binary, boolean, CHUNK, COLUMN, ELEMENT, FILE, i32, i64, listField, readFooter, ROW_GROUP, STATISTICS, struct, structAt, structField, structsAt,
  TYPE, writeFooter,
} from '../lake/footer.ts'
import { EVENTS } from '../lake/schema.ts'
import type { Span } from '../lake/span.ts'
import type { Event } from './event.ts'
import type { Identified } from './identity.ts'
import type { Compression } from './writer.ts'

// By require, so that it is not packed: it assigns to names that it does not declare, which a module must not.
const parquet = createRequire(import.meta.url)('parquetjs-lite') as typeof import('parquetjs-lite').default

/** A row of EVENTS. */
export interface Row extends Event {
  ingested_at: bigint
}

/** As DuckDB's. A group ends with a page. */
const GROUP_ROWS = 122_880

/** parquetjs joins the levels of a page by copying what it has at each run: a page takes time with the square of its rows. */
const PAGE_ROWS = 8_192

const COLUMNS = Object.entries(EVENTS)

/** What it calls itself in a footer. */
const CREATOR = 'parquet.js'

/** Physical and converted types and repetitions of parquet.thrift. */
const INT64 = 2
const BYTE_ARRAY = 6
const CONVERTED = { utf8: 0, list: 3, timestampMicros: 10 }
const OPTIONAL = 1
const REPEATED = 2

/**
 * A Parquet file with these rows, in the schema that DuckDB's writer gives.
 *
 * parquetjs does the pages and the file; two things it cannot do are done around it.
 * - Its own way from a row to columns takes 85 µs a row (11,500 rows/s in all): columns are filled here instead, all but the last row
 *   of each page, with which it closes the page.
 * - It cannot say that a time is UTC, and its 64-bit integers are neither negative nor exact: times are 8 bytes
 *   to it, which stand in the file as those of an INT64 do, and the footer is written anew with the right types.
 */
export async function parquetFile(rows: readonly Row[], compression: Exclude<Compression, 'zstd'>): Promise<Buffer> {
  const schema = new parquet.ParquetSchema(
    Object.fromEntries(
      COLUMNS.map(([name, type]) => {
        const leaf = { optional: true, statistics: false as const, compression: compression.toUpperCase() as Uppercase<typeof compression> }
        if (isTime(type)) return [name, { ...leaf, type: 'FIXED_LEN_BYTE_ARRAY', typeLength: 8 }]
        if (type === 'VARCHAR[]') return [name, { type: 'LIST', optional: true, fields: { list: { repeated: true, fields: { element: { ...leaf, type: 'UTF8' } } } } }]
        return [name, { ...leaf, type: 'UTF8' }]
      }),
    ),
  )
  const parts: Buffer[] = []
  // Version 2 pages and the page index are wrong in 0.8.7 for lists and for a second page.
  const envelope = new parquet.ParquetEnvelopeWriter(schema, (bytes) => void parts.push(bytes), () => {}, 0, { pageSize: 1, useDataPageV2: false, pageIndex: false })
  const writer = new parquet.ParquetWriter(schema, envelope, { rowGroupSize: GROUP_ROWS })
  const groups: Row[][] = [[]]
  try {
    for (let at = 0; at < rows.length; at += PAGE_ROWS) {
      const page = rows.slice(at, at + PAGE_ROWS)
      if ((groups.at(-1) as Row[]).length >= GROUP_ROWS) groups.push([])
      groups.at(-1)?.push(...page)
      await addPage(writer, schema, page)
    }
    await writer.close()
  } catch (error) {
    // It throws bare strings.
    throw error instanceof Error ? error : new Error(`parquetjs: ${String(error)}`)
  }
  const metadata = readFooter(parts.pop() as Buffer)
  correct(metadata, groups)
  return Buffer.concat([...parts, writeFooter(metadata)])
}

async function addPage(writer: ParquetWriter, schema: ParquetSchema, page: readonly Row[]): Promise<void> {
  const buffer = 'pages' in writer.rowBuffer ? (writer.rowBuffer as RowBuffer) : emptyBuffer(schema)
  writer.rowBuffer = buffer
  const last = page.at(-1) as Row
  const rest = page.slice(0, -1)
  for (const [name, type] of COLUMNS) {
    const { dlevels, rlevels, values } = buffer.columnData[type === 'VARCHAR[]' ? `${name},list,element` : name] as RowBuffer['columnData'][string]
    for (const row of rest) {
      const value = row[name as keyof Row]
      if (Array.isArray(value)) {
        // 0 no list, 1 an empty one, 2 a null in it, 3 a text.
        for (const [place, item] of value.entries()) {
          rlevels.push(place === 0 ? 0 : 1)
          dlevels.push(item === null ? 2 : 3)
          if (item !== null) values.push(item)
        }
        if (value.length > 0) continue
      }
      rlevels.push(0)
      dlevels.push(value === null ? 0 : 1)
      if (typeof value === 'bigint') values.push(eightBytes(value))
      else if (typeof value === 'string') values.push(value)
    }
  }
  buffer.rowCount += rest.length
  buffer.pageRowCount += rest.length
  await writer.appendRow(
    Object.fromEntries(
      COLUMNS.map(([name]) => {
        const value = last[name as keyof Row]
        if (Array.isArray(value)) return [name, { list: value.map((element) => ({ element })) }]
        return [name, typeof value === 'bigint' ? eightBytes(value) : value]
      }),
    ),
  )
}

function emptyBuffer(schema: ParquetSchema): RowBuffer {
  const paths = schema.fieldList.map(({ path }) => path.join())
  return {
    rowCount: 0,
    pageRowCount: 0,
    columnData: Object.fromEntries(paths.map((path) => [path, { rlevels: [], dlevels: [], values: [], distinct_values: new Set(), count: 0 }])),
    pages: Object.fromEntries(paths.map((path) => [path, []])),
  }
}

/** Gives the footer the schema of the lake, and `event_time` its least and greatest value, by which readers skip row groups. */
function correct(metadata: Struct, groups: readonly Row[][]): void {
  const root = struct({ [ELEMENT.name]: binary('schema'), [ELEMENT.children]: i32(COLUMNS.length) })
  metadata.set(FILE.schema, listField(TYPE.struct, [root, ...COLUMNS.flatMap(([name, type]) => elements(name, type))]))
  for (const [index, group] of structsAt(metadata, FILE.rowGroups).entries()) {
    for (const [place, chunk] of structsAt(group, ROW_GROUP.columns).entries()) {
      const column = structAt(chunk, CHUNK.column)
      // Deprecated, and what it points at is the uncorrected copy of the column's metadata.
      chunk.set(CHUNK.fileOffset, i64(0n))
      const [name, type] = COLUMNS[place] as (typeof COLUMNS)[number]
      if (!isTime(type)) continue
      column.set(COLUMN.type, i32(INT64))
      if (name === 'event_time') {
        const times = (groups[index] as Row[]).map((row) => row.event_time)
        const [min, max] = times.reduce(([min, max], time) => [time < min ? time : min, time > max ? time : max], [times[0], times[0]] as [bigint, bigint])
        column.set(COLUMN.statistics, structField(struct({ [STATISTICS.max]: binary(eightBytes(max)), [STATISTICS.min]: binary(eightBytes(min)) })))
      }
    }
  }
}

function elements(name: string, type: string): Struct[] {
  const element = (name: string, fields: Parameters<typeof struct>[0]): Struct =>
    struct({ [ELEMENT.repetition]: i32(OPTIONAL), [ELEMENT.name]: binary(name), ...fields })
  const text = { [ELEMENT.type]: i32(BYTE_ARRAY), [ELEMENT.converted]: i32(CONVERTED.utf8) }
  if (isTime(type)) {
    // LogicalType 8 is TIMESTAMP: 1 isAdjustedToUTC, 2 the unit, whose 2 is microseconds.
    const microseconds = structField(struct({ 2: structField(struct({})) }))
    const timestamp = structField(struct({ 1: boolean(true), 2: microseconds }))
    const logical = structField(struct({ 8: timestamp }))
    return [element(name, { [ELEMENT.type]: i32(INT64), [ELEMENT.converted]: i32(CONVERTED.timestampMicros), [ELEMENT.logical]: logical })]
  }
  switch (type) {
    case 'VARCHAR':
      return [element(name, text)]
    case 'VARCHAR[]':
      return [
        element(name, { [ELEMENT.children]: i32(1), [ELEMENT.converted]: i32(CONVERTED.list) }),
        element('list', { [ELEMENT.repetition]: i32(REPEATED), [ELEMENT.children]: i32(1) }),
        element('element', text),
      ]
    default:
      throw new Error(`no Parquet type is known for a column of ${type}`)
  }
}

const OF_IDENTITY = ['kind', 'action', 'did', 'collection', 'rkey', 'cid', 'rev', 'rest', 'extra'] as const

/** What makes the identity of each event, or of those in a span; undefined for a file that parquetjs did not write. */
export async function readIdentities(file: Buffer, span: Span | undefined): Promise<Identified[] | undefined> {
  const found: Identified[] = []
  const metadata = readFooter(file)
  const creator = metadata.get(FILE.createdBy)?.value
  if (!Buffer.isBuffer(creator) || creator.toString() !== CREATOR) return undefined
  const [from, to] = span ? [BigInt(span.from) * 1000n, BigInt(span.to) * 1000n + 999n] : [-Infinity, Infinity]
  const reader = await parquet.ParquetReader.openBuffer(file)
  try {
    for (const index of structsAt(metadata, FILE.rowGroups).keys()) {
      // Its cursor makes rows at 60 µs each: columns are taken as they are.
      const paths = ['event_time', ...OF_IDENTITY].map((name) => [name])
      const { columnData } = await reader.envelopeReader.readRowGroup(reader.schema, reader.metadata.row_groups[index] as { num_rows: unknown }, paths)
      const columns = OF_IDENTITY.map((name) => [name, texts(columnData[name])] as const)
      for (const [row, time] of columnData['event_time']?.values.entries() ?? []) {
        if ((time as bigint) < from || (time as bigint) > to) continue
        found.push({ event_time: time, ...Object.fromEntries(columns.map(([name, values]) => [name, values[row]])) } as unknown as Identified)
      }
    }
    return found
  } finally {
    await reader.close()
  }
}

/** The texts of a column by row. */
function texts(column: { dlevels: number[]; values: (bigint | Buffer)[] } | undefined): (string | null)[] {
  let next = 0
  return (column?.dlevels ?? []).map((level) => (level === 0 ? null : String(column?.values[next++])))
}

function isTime(type: string): boolean {
  return type === 'TIMESTAMP WITH TIME ZONE'
}

function eightBytes(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64LE(value)
  return bytes
}
