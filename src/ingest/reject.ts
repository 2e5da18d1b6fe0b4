import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from '../lake/disk.ts'
import { list } from '../lake/disk.ts'
import type { SegmentName } from '../lake/names.ts'
import { PRIVATE } from '../lake/private.ts'
import { formatSegment } from '../lake/names.ts'
import { linesOf, longLine, marker } from './lines.ts'
import type { Fault } from './reasons.ts'
import { REASONS } from './reasons.ts'
import type { Segment } from './segment.ts'
import { holdsLetters } from './segment.ts'

/** A line that was not accepted. */
export interface Reject extends Fault {
  /** Its place among the lines of its segment, from 1; blank ones do not count. */
  line: number
  bytes: Buffer
}

/** One line of a file in `rejected/`: the dead letter with its reason and where it came from. */
export interface DeadLetter {
  reason: string
  /** What is at fault, or its beginning, where it is one value. */
  value?: string | undefined
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
  await disk.makeDirectory(directory, 'reject.directory', PRIVATE)
  await disk.write(staged, rejects.map((reject) => `${JSON.stringify(deadLetter(reject, segment, at))}\n`).join(''), 'reject.write')
  await disk.sync(staged, 'reject.sync')
  await disk.rename(staged, rejectedPath(state, segment), 'reject.rename')
  await disk.sync(directory, 'reject.settle')
}

function deadLetter({ line, reason, value, bytes }: Reject, segment: SegmentName, at: Date): DeadLetter {
  const long = longLine(bytes)
  const kept = long?.head ?? bytes
  const text = decode(kept)
  return {
    reason,
    value,
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

/** The text of a line, or why it has none. At the very beginning of a stream a byte order mark is none of its text. */
export function textOfLine(raw: Buffer, beginning: boolean): { text: string } | { reason: string } {
  if (longLine(raw)) return { reason: REASONS.tooLong }
  const text = decode(raw)
  if (text === undefined) return { reason: REASONS.notUtf8 }
  return { text: beginning && text.startsWith('\ufeff') ? text.slice(1) : text }
}

/** The lines of a segment, blank ones left out; of dead letters, the lines that they hold. */
export async function segmentLines(segment: Segment): Promise<Iterable<Buffer>> {
  const lines = linesOf(await readFile(segment.path))
  return holdsLetters(segment) ? Array.from(lines, (line) => lineOf(JSON.parse(line.toString('utf8')) as DeadLetter)) : lines
}

function lineOf(letter: DeadLetter): Buffer {
  const bytes = bytesKept(letter)
  return letter.cut === undefined ? bytes : marker([bytes], letter.cut)
}

export function bytesKept({ text, base64 }: DeadLetter): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
}

/** How many letters give one reason, with the first few. */
export interface Reason {
  reason: string
  count: number
  /** When the newest was read, ISO. */
  newest: string
  samples: DeadLetter[]
}

const SAMPLES = 3

/** Reasons by count, most frequent first. */
export async function reasons(state: string): Promise<Reason[]> {
  const found = new Map<string, Reason>()
  for (const path of await rejectedFiles(state)) {
    for await (const line of linesOfFile(path)) {
      const letter = JSON.parse(line) as DeadLetter
      const known = found.get(letter.reason) ?? { reason: letter.reason, count: 0, newest: letter.at, samples: [] }
      found.set(letter.reason, known)
      known.count++
      if (letter.at > known.newest) known.newest = letter.at
      if (known.samples.length < SAMPLES) known.samples.push(letter)
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))
}

/** The lines of a file. Node's readline also ends them at U+2028, from Node 24 on. */
export async function* linesOfFile(path: string): AsyncGenerator<string> {
  let pieces: Buffer[] = []
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0
    for (let newline = chunk.indexOf(10); newline >= 0; newline = chunk.indexOf(10, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, newline)]).toString('utf8')
      pieces = []
      from = newline + 1
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from))
  }
  if (pieces.length > 0) yield Buffer.concat(pieces).toString('utf8')
}

/** Paths of the files of dead letters, oldest first. */
export async function rejectedFiles(state: string): Promise<string[]> {
  const directory = join(state, 'rejected')
  return (await list(directory)).filter((file) => file.endsWith('.ndjson')).map((file) => join(directory, file))
}
