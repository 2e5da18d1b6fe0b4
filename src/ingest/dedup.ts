import { relative, sep } from 'node:path'
import type { FileName, Hour } from '../lake/names.ts'
import { formatSegment, parseFile } from '../lake/names.ts'
import type { Span } from '../lake/span.ts'
import type { IdentityTable } from './identity-table.ts'
import { add, createTable, has } from './identity-table.ts'
import type { Listed, ReadIdentities } from './lake-events.ts'
import { createLakeEvents, hoursOf, listHours } from './lake-events.ts'

/** What is known of the events of a batch before it is decided which of them are written. */
export interface Identities {
  /** In row order, 64 bits each in two words. Among a million an event is taken for another with probability 3e-8. */
  hashes: Uint32Array
  /** From the oldest event to the newest. */
  span: Span
  /** The minutes, since 1970, that have events, in order. Asked for only where the span is long. */
  minutes(): Promise<ArrayLike<number>>
}

export interface Dedup {
  /**
   * Gives the rows of a batch whose event was there before: in this batch, in one before it, or in the lake. One batch at a time,
   * in order; the batch counts from then on.
   */
  filterDuplicates(segment: string, batch: Identities): Promise<number[]>
  /** The batch of this segment is in the lake, as these files. */
  committed(segment: string, paths: readonly string[]): void
}

/** One event can have times so far apart, ms: each host stamps what it passes on with its own. */
const WINDOW = 120_000

/** Stream time of a generation, ms: two of them hold a window before any batch that is not longer than half of one. */
const SPAN = 1.5 * WINDOW

/** A batch of a longer span is asked in which minutes its events are, ms. */
const LONG = 10 * 60_000

const MINUTE = 60_000

/** Events of a generation at most: two of them are 64 MB. */
const CAPACITY = 2 ** 21

/** Batches of this process whose identities are in memory. */
interface Generation {
  table: IdentityTable
  /** Event time (ms) of its oldest batch. */
  from: number
  /** Its batches: the files of each, or, while they are not in the lake, its identities. */
  batches: Map<string, { files: FileName[] } | { hashes: Uint32Array }>
}

function generation(room = 0): Generation {
  return { table: createTable({ room }), from: Infinity, batches: new Map() }
}

/**
 * What this process has written in the last minutes of the stream is in memory; whatever else the lake holds of a batch's own time is read
 * when such a batch comes. So a stream in order costs a listing a batch, and one that goes back by an hour is compared with that hour.
 *
 * Two generations: when the newer one is long enough or full, the older one is forgotten. Of a stream in order it is then older than
 * what the next batch is compared with; of any other its files are read like those of others.
 */
export function createDedup(place: { lake: string; state: string }, read: ReadIdentities, say: (sentence: string) => void): Dedup {
  const inLake = createLakeEvents(place, read, say)
  let newer = generation()
  let older = generation()

  function isOurs({ segment }: FileName): boolean {
    return segment !== undefined && (newer.batches.has(formatSegment(segment)) || older.batches.has(formatSegment(segment)))
  }

  /** Before the lake is listed: what is forgotten must be in that list. */
  function makeRoom({ hashes, span }: Identities): void {
    const full = span.to - newer.from > SPAN || newer.table.size + hashes.length / 2 > CAPACITY
    // What is not in the lake yet is to be found nowhere else.
    if (newer.table.size === 0 || !full || [...older.batches.values()].some((batch) => 'hashes' in batch)) return
    older = newer
    newer = generation(older.table.size)
  }

  /** The files of these hours. If one of ours has gone, and not into a merge, what is remembered is not in the lake: it is read again from there. */
  async function listOrForget(hours: readonly Hour[]): Promise<Listed> {
    for (;;) {
      const written = [...older.batches.values(), ...newer.batches.values()].flatMap((batch) => ('files' in batch ? batch.files : []))
      const listed = await listHours(place.lake, hours)
      if (!written.some((name) => hasVanished(name, listed))) return listed
      const unwritten = [...older.batches, ...newer.batches].filter(([, batch]) => 'hashes' in batch)
      const from = Math.min(older.from, newer.from)
      older = generation()
      newer = { table: createTable(), from, batches: new Map(unwritten) }
      for (const [, batch] of unwritten) if ('hashes' in batch) addAll(newer.table, batch.hashes)
    }
  }

  return {
    async filterDuplicates(segment, batch) {
      makeRoom(batch)
      const spans = await spansOf(batch)
      const listed = await listOrForget(hoursOf(spans))
      const repeated = addAll(newer.table, batch.hashes, older.table)
      newer.from = Math.min(newer.from, batch.span.from)
      newer.batches.set(segment, { hashes: batch.hashes })
      await inLake.markRepeated(batch.hashes, repeated, { spans, listed, isOurs })
      const rows: number[] = []
      for (let row = repeated.indexOf(1); row >= 0; row = repeated.indexOf(1, row + 1)) rows.push(row)
      return rows
    },
    committed(segment, paths) {
      const files = paths.flatMap((path) => parseFile(relative(place.lake, path).split(sep).join('/')) ?? [])
      for (const { batches } of [older, newer]) if (batches.has(segment)) batches.set(segment, { files })
    },
  }
}

/** 1 for each row that the table, or the other one, had already. */
function addAll(table: IdentityTable, hashes: Uint32Array, other?: IdentityTable): Uint8Array {
  const had = new Uint8Array(hashes.length / 2)
  for (let row = 0; row < had.length; row++) {
    const low = hashes[2 * row] as number
    const high = hashes[2 * row + 1] as number
    if ((other && has(other, low, high)) || !add(table, low, high)) had[row] = 1
  }
  return had
}

function hasVanished({ hour, generation, segment }: FileName, listed: Listed): boolean {
  const there = listed.get(hour)
  if (!there || !segment) return false
  return !there.some(({ name }) => name.generation > generation || (name.segment && formatSegment(name.segment) === formatSegment(segment)))
}

/** What a batch is compared with, in order and apart from each other. */
async function spansOf({ span, minutes }: Identities): Promise<Span[]> {
  const around = (from: number, to: number): Span => ({ from: from - WINDOW, to: to + WINDOW })
  if (span.to - span.from <= LONG) return [around(span.from, span.to)]
  const spans: Span[] = []
  for (const minute of Array.from(await minutes())) {
    const next = around(minute * MINUTE, (minute + 1) * MINUTE - 1)
    const last = spans.at(-1)
    if (last && next.from <= last.to) last.to = next.to
    else spans.push(next)
  }
  return spans
}
