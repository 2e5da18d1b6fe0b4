/** What we use of parquetjs-lite 0.8.7, which has no types of its own. */
declare module 'parquetjs-lite' {
  interface Field {
    type: 'UTF8' | 'FIXED_LEN_BYTE_ARRAY' | 'LIST'
    typeLength?: number
    optional?: boolean
    repeated?: boolean
    compression?: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY'
    /** Off: they compare texts by UTF-16 code units, where Parquet wants bytes. */
    statistics?: false
    fields?: Record<string, Omit<Field, 'type'> & { type?: Field['type'] }>
  }

  class ParquetSchema {
    constructor(fields: Record<string, Field>)
    fieldList: { path: string[] }[]
  }

  /** Of one leaf column: a definition level (and where it repeats, a repetition level) for each place, a value for each that is not null. */
  interface Column {
    rlevels: number[]
    dlevels: number[]
    values: (string | Buffer)[]
    distinct_values: Set<unknown>
    count: number
  }

  interface RowBuffer {
    rowCount: number
    pageRowCount: number
    /** By path, its names joined with commas. */
    columnData: Record<string, Column>
    pages: Record<string, unknown[]>
  }

  class ParquetEnvelopeWriter {
    constructor(
      schema: ParquetSchema,
      write: (bytes: Buffer) => void,
      close: () => void,
      offset: number,
      options: { pageSize: number; useDataPageV2: false; pageIndex: false },
    )
  }

  class ParquetWriter {
    constructor(schema: ParquetSchema, envelope: ParquetEnvelopeWriter, options: { rowGroupSize: number })
    rowBuffer: RowBuffer | Record<string, never>
    appendRow(row: Record<string, unknown>): Promise<void>
    close(): Promise<void>
  }

  interface RowGroup {
    num_rows: unknown
  }

  class ParquetReader {
    static openBuffer(bytes: Buffer): Promise<ParquetReader>
    schema: ParquetSchema
    metadata: { row_groups: RowGroup[] }
    envelopeReader: {
      /** Columns by path. Levels of a column without repetition are 0 for null and 1. */
      readRowGroup(schema: ParquetSchema, group: RowGroup, paths: string[][]): Promise<{ columnData: Record<string, { dlevels: number[]; values: (bigint | Buffer)[] }> }>
    }
    close(): Promise<void>
  }

  const parquet: {
    ParquetSchema: typeof ParquetSchema
    ParquetEnvelopeWriter: typeof ParquetEnvelopeWriter
    ParquetWriter: typeof ParquetWriter
    ParquetReader: typeof ParquetReader
  }
  export default parquet
  export type { ParquetSchema, ParquetWriter, RowBuffer }
}
