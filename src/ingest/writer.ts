import type { Hour } from '../lake/names.ts'
import type { Identities } from './dedup.ts'
import type { ReadIdentities } from './lake-events.ts'
import type { Reject } from './reject.ts'
import type { Segment } from './segment.ts'

/** What a segment became. The files are staged: complete, but not in the lake yet. */
export interface Batch {
  files: { hour: Hour; path: string; rows: number }[]
  /** Lines that were events, repeated ones included. */
  events: number
  /** Events that were there before. */
  repeated: number
  rejects: Reject[]
  /** Event time of the newest event kept, ms; undefined where none was. */
  newest: number | undefined
}

/** A segment's events and rejects, before repetitions are taken out. */
export interface Converted extends Pick<Batch, 'events' | 'rejects'> {
  /** Undefined where there is no event. */
  identities: Identities | undefined
  /** Writes all events but those of these rows, which are in ascending order. Called once. */
  finish(duplicates: readonly number[]): Promise<Pick<Batch, 'files' | 'newest'>>
}

export interface ConvertOptions {
  /** Directory and name without extension for the files of this batch. */
  staged: string
  now: number
}

/** Turns one closed segment into Parquet files, one an hour, in two phases: in between, it is told which events are repetitions. */
export type Convert = (segment: Segment, options: ConvertOptions) => Promise<Converted>

/** A way of writing Parquet. */
export interface Writer {
  /** As many segments are converted at a time; each lane takes one, from its first phase to its last. */
  lanes: Convert[]
  readIdentities: ReadIdentities
  close(): Promise<void>
}

export type Compression = 'zstd' | 'snappy' | 'gzip' | 'uncompressed'
