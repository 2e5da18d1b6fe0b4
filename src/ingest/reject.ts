import { join } from 'node:path'
import type { Disk } from '../lake/disk.ts'
import type { SegmentName } from '../lake/names.ts'
import { formatSegment } from '../lake/names.ts'
import { longLine } from './lines.ts'

/** A line that was not accepted. */
export interface Reject {
  /** Its place among the lines of its segment, from 1. */
  line: number
  reason: string
  bytes: Buffer
}

/** One line of a file in `rejected/`: the dead letter with its reason and where it came from. */
export interface DeadLetter {
  reason: string
  segment: string
  line: number
  /** When its batch was read, ISO. */
  at: string
  /** The line as it came, where it is UTF-8; else `base64`. */
  text?: string
  base64?: string
  /** Length in bytes of a line too long to be kept whole: `text` or `base64` is its beginning. */
  cut?: number
}

/** The path of a segment's dead letters. */
export function rejectedPath(state: string, segment: SegmentName): string {
  return join(state, 'rejected', `${formatSegment(segment)}.ndjson`)
}

/** Keeps the rejects of one segment. Same segment, same file: a repetition overwrites. */
export async function keepRejects(disk: Disk, state: string, segment: SegmentName, rejects: readonly Reject[], at: Date): Promise<void> {
  if (rejects.length === 0) return
  const directory = join(state, 'rejected')
  const staged = join(state, 'staging', `${formatSegment(segment)}.rejected`)
  await disk.makeDirectory(directory)
  await disk.write(staged, rejects.map((reject) => `${JSON.stringify(deadLetter(reject, segment, at))}\n`).join(''))
  await disk.sync(staged)
  await disk.rename(staged, rejectedPath(state, segment))
  await disk.sync(directory)
}

function deadLetter({ line, reason, bytes }: Reject, segment: SegmentName, at: Date): DeadLetter {
  const long = longLine(bytes)
  const kept = long?.head ?? bytes
  const text = decode(kept)
  return {
    reason,
    segment: formatSegment(segment),
    line,
    at: at.toISOString(),
    ...(text === undefined ? { base64: kept.toString('base64') } : { text }),
    ...(long ? { cut: long.length } : {}),
  }
}

/** The text of these bytes, or undefined where they are not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The bytes a dead letter holds; undefined where it is only the beginning of its line. */
export function bytesOf(letter: DeadLetter): Buffer | undefined {
  if (letter.cut !== undefined) return undefined
  return letter.base64 === undefined ? Buffer.from(letter.text ?? '') : Buffer.from(letter.base64, 'base64')
}
