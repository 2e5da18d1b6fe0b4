import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { crc32 } from '../crc32.ts'
import { codeOf } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import type { SegmentName } from '../lake/names.ts'
import { formatCount } from '../quantity.ts'

/** A closed segment: whole lines, the last one ending with a newline. The file is the batch. */
export interface Segment {
  name: SegmentName
  path: string
  bytes: number
  /** What was appended; undefined for one that its writer did not close. */
  holds: Contents | undefined
  /** Bytes of the longest line; undefined for a segment that another process left. */
  longest: number | undefined
  /** Whether DuckDB's reader may take a line of it for JSON that is not; absent where nobody looked. */
  lenient?: boolean
  /** When its last bytes were read from stdin, ms since 1970. */
  closedAt: number
}

/** What a segment holds; once it is closed, its name says so. */
export interface Contents {
  bytes: number
  /** Blank ones do not count. */
  lines: number
  /** CRC-32 of all bytes. */
  checksum: number
}

/** Lines as they were read, and lines of `rejected/` that are to be tried again. */
export type SegmentKind = 'ndjson' | 'letters'

const FILE = /^(\d{8})(?:\.(\d+)\.(\d+)\.([0-9a-f]{8}))?\.(ndjson|letters)$/

/** `00000001.ndjson` while it is open; then `00000001.11884032.25000.9ae0daaf.ndjson`: bytes, lines, checksum. */
export function formatSegmentFile(sequence: number, kind: SegmentKind, holds?: Contents): string {
  const digits = String(sequence).padStart(8, '0')
  if (!holds) return `${digits}.${kind}`
  return `${digits}.${holds.bytes}.${holds.lines}.${holds.checksum.toString(16).padStart(8, '0')}.${kind}`
}

/** Inverse of {@link formatSegmentFile}: undefined for any other name. */
export function parseSegmentFile(file: string): { sequence: number; kind: SegmentKind; holds: Contents | undefined } | undefined {
  const [, digits, bytes, lines, checksum, kind] = FILE.exec(file) ?? []
  if (digits === undefined) return undefined
  const holds = checksum === undefined ? undefined : { bytes: Number(bytes), lines: Number(lines), checksum: parseInt(checksum, 16) }
  return { sequence: Number(digits), kind: kind as SegmentKind, holds }
}

export function isSegmentFile(file: string): boolean {
  return FILE.test(file)
}

/** True where the lines of this segment are dead letters. */
export function holdsLetters(segment: Segment): boolean {
  return parseSegmentFile(basename(segment.path))?.kind === 'letters'
}

/** What a file holds now. Reads all of it. */
export async function contentsOf(path: string): Promise<Contents> {
  const contents = { bytes: 0, lines: 0, checksum: 0 }
  /** Whether the line that goes on behind the last chunk has had a byte that is no carriage return, or two that are. */
  let returns = 0
  let text = false
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      contents.bytes += chunk.length
      contents.checksum = crc32(chunk, contents.checksum)
      for (let at = 0; at < chunk.length; ) {
        const newline = chunk.indexOf(10, at)
        const end = newline < 0 ? chunk.length : newline
        if (end - at > 1) text = true
        else if (end - at === 1) {
          if (chunk[at] === 13) returns++
          else text = true
        }
        if (newline >= 0) {
          if (text || returns > 1) contents.lines++
          returns = 0
          text = false
        }
        at = end + 1
      }
    }
  } catch (error) {
    throw diskFailure('read', path, error)
  }
  if (text || returns > 1) contents.lines++
  return contents
}

/** What is wrong with a closed segment by its length alone; undefined where nothing is, or where it was not closed. */
export async function lengthProblem({ path, holds }: Pick<Segment, 'path' | 'holds'>): Promise<string | undefined> {
  if (!holds) return undefined
  const size = await stat(path).then(({ size }) => size, (error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw diskFailure('read', path, error)
  })
  if (size === holds.bytes) return undefined
  return `expected ${path} to hold ${formatCount(holds.bytes)} bytes, as it did when it was written, ${size === undefined ? 'but it is gone' : `got ${formatCount(size)}`}`
}

/** The same by all that it says of itself. Of one that was not closed, `found` is what there is. */
export function contentsProblem(path: string, { holds, found }: { holds: Contents | undefined; found: Contents }): string | undefined {
  if (!holds || (found.checksum === holds.checksum && found.bytes === holds.bytes)) return undefined
  const what = ({ lines, bytes }: Contents): string => `${formatCount(lines)} lines in ${formatCount(bytes)} bytes`
  const got = what(found) === what(holds) ? 'other ones' : what(found)
  return `expected ${path} to hold ${what(holds)}, as it did when it was written, got ${got}`
}

/** Each line is an event, a repetition or a reject. */
export function accountProblem(path: string, lines: number, { events, rejected }: { events: number; rejected: number }): string | undefined {
  if (events + rejected === lines) return undefined
  return `expected the ${formatCount(lines)} lines of ${path} to become as many events and rejects, got ${formatCount(events)} and ${formatCount(rejected)}`
}
