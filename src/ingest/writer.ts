import type { Hour } from '../lake/names.ts'
import type { Identities } from './recent.ts'
import type { Reject } from './reject.ts'
import type { Segment } from './wal.ts'

/** What a segment became. The files are staged: complete, but not in the lake yet. */
export interface Batch {
  files: { hour: Hour; path: string; rows: number }[]
  /** Lines that were events, repeated ones included. */
  events: number
  /** Events that the window had seen before. */
  repeated: number
  rejects: Reject[]
  /** Event time of the newest event kept, ms; undefined where none was. */
  newest: number | undefined
}

export interface ConvertOptions {
  /** Directory and name without extension for the files of this batch. */
  staged: string
  now: number
  /** Gives the rows that are repetitions. Called once, for a batch that has events; it may wait for earlier batches to have asked. */
  admit(identities: Identities): Promise<number[]>
}

/** Turns one closed segment into Parquet files, one an hour. */
export type Convert = (segment: Segment, options: ConvertOptions) => Promise<Batch>

/** A way of writing Parquet. */
export interface Writer {
  /** As many segments are converted at a time; each lane takes one. */
  lanes: Convert[]
  /** Identities of the events in these files of the lake that are not older than `from`, where this writer can tell. */
  known?(files: readonly string[], from: number): Promise<Pick<Identities, 'low' | 'high'>>
  close(): Promise<void>
}

export type Compression = 'zstd' | 'snappy' | 'gzip' | 'uncompressed'
