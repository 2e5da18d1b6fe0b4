import { Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { readMessage } from './event.ts'
import { parseMicros } from './instant.ts'
import type { Output } from './output.ts'
import type { Clock, Pace } from './pace.ts'
import { createPace } from './pace.ts'

export interface ReplayLimits {
  /** Lines that are not blank. */
  events: number
  /** µs of the events' own time, counted from the first. */
  duration: number
}

const NEWLINE = 10
const PRINTED = Buffer.from('{"timestamp"')
const STAMP = /^\{"timestamp":\s*"([^"]+)"/

/** A line longer than this is passed through piece by piece, so that memory stays bounded. */
const LONGEST_LINE = 1 << 24

/**
 * Prints a file of events. Messages of a Jetstream server become the lines that bluesky prints live; every other
 * line, good or bad, passes through byte for byte: it is for the reader to judge.
 */
export async function replay(
  input: AsyncIterable<Buffer>,
  output: Output,
  { events, duration }: ReplayLimits,
  speed: number | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const timed = speed !== undefined || duration < Infinity
  let pace: Pace | undefined
  let first: number | undefined
  let left = events
  let rest: Buffer[] = []
  let restBytes = 0
  /** Inside a line that is too long to be held. */
  let passing = false

  /** Prints the whole lines of a chunk; false when a limit is reached. */
  const printLines = async (chunk: Buffer): Promise<boolean> => {
    let pieces: Buffer[] = []
    const flush = async (): Promise<void> => {
      const taken = pieces
      pieces = []
      await output.write(taken.length === 1 ? (taken[0] as Buffer) : Buffer.concat(taken))
    }
    /** Where the lines begin that pass through as they are and are not in `pieces` yet. */
    let from = 0
    for (let at = 0, end; at < chunk.length; at = end) {
      const newline = chunk.indexOf(NEWLINE, at)
      end = newline < 0 ? chunk.length : newline + 1
      if (isBlank(chunk, at, end)) continue
      const converted = startsWith(chunk, at, PRINTED) ? undefined : convert(chunk.toString('utf8', at, end))
      const micros = timed ? (converted?.micros ?? timeOf(chunk.toString('latin1', at, Math.min(end, at + 64)))) : undefined
      if (micros !== undefined) first ??= micros
      const over = left <= 0 || (micros !== undefined && first !== undefined && micros >= first + duration)
      const early = micros !== undefined && pace !== undefined && micros > pace.now()
      if (over || early || converted) {
        if (at > from) pieces.push(chunk.subarray(from, at))
        from = at
      }
      if (over || early) await flush()
      if (over || signal.aborted) return false
      if (speed !== undefined && first !== undefined) pace ??= createPace(first, speed, clock)
      if (early && micros !== undefined) await pace?.reach(micros, signal)
      if (signal.aborted) return false
      if (converted) {
        pieces.push(Buffer.from(converted.line))
        from = end
      }
      left--
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from))
    await flush()
    return !signal.aborted
  }

  for await (const chunk of input) {
    let lines = chunk
    if (passing) {
      const end = lines.indexOf(NEWLINE) + 1
      await output.write(end === 0 ? lines : lines.subarray(0, end))
      if (end === 0) continue
      passing = false
      left--
      lines = lines.subarray(end)
    }
    const end = lines.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      const whole = rest.length === 0 ? lines.subarray(0, end) : Buffer.concat([...rest, lines.subarray(0, end)])
      rest = []
      restBytes = 0
      if (!(await printLines(whole))) return
    }
    if (end < lines.length) {
      rest.push(lines.subarray(end))
      restBytes += lines.length - end
    }
    if (restBytes > LONGEST_LINE) {
      if (left <= 0) return
      for (const piece of rest) await output.write(piece)
      passing = true
      rest = []
      restBytes = 0
    }
  }
  if (rest.length > 0) await printLines(Buffer.concat(rest))
}

function startsWith(chunk: Buffer, at: number, prefix: Buffer): boolean {
  for (let i = 0; i < prefix.length; i++) if (chunk[at + i] !== prefix[i]) return false
  return true
}

function isBlank(chunk: Buffer, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (!(chunk[i] === 32 || chunk[i] === NEWLINE || chunk[i] === 13 || chunk[i] === 9)) return false
  return true
}

function convert(text: string): { line: string; micros: number } | undefined {
  const message = readMessage(text)
  return message?.is === 'event' ? message : undefined
}

function timeOf(start: string): number | undefined {
  const stamp = STAMP.exec(start)?.[1]
  return stamp === undefined ? undefined : parseMicros(stamp)
}

/** The bytes of a file, inflated where it begins as gzip does, whatever its name. */
export async function* inflate(input: Readable): AsyncIterable<Buffer> {
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const whole = async function* (): AsyncIterable<Buffer> {
    if (head.length > 0) yield head
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* whole()
  const gunzip = createGunzip({ chunkSize: 1 << 16 })
  pipeline(Readable.from(whole()), gunzip, () => {})
  yield* gunzip
}
