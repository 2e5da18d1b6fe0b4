import { holdsLenient, isLenient, isWidelySpaced } from './lenient.ts'

/** A run of whole lines, ready to be appended to a segment: every line in `parts` ends with a newline. */
export interface Lines {
  parts: Buffer[]
  bytes: number
  lines: number
  /** Lines of no bytes, or of a carriage return alone. They are no input and no reject. */
  blank: number
  /** Bytes of the longest line, newline included. */
  longest: number
  /** Some line of it DuckDB's reader may take for JSON, though it is not. */
  lenient: boolean
}

/** How much more the open segment takes before it rolls. */
export interface Room {
  lines: number
  bytes: number
}

export interface Framer {
  /** Whole lines of this chunk, cut where `room` is used up: one `Lines` never overfills it by more than its last line. */
  push(chunk: Buffer, room: () => Room): Generator<Lines>
  /** What stood after the last newline. */
  end(): Generator<Lines>
}

/** 16 MiB, as DuckDB's own default for one JSON object. */
export const LONGEST_LINE = 2 ** 24

/** Of a line over the limit, the first bytes are kept with the reject. */
export const KEPT_OF_LONG_LINE = 2 ** 16

const NEWLINE = Buffer.from('\n')

/** Stands in the WAL for a line over the limit. No JSON starts with NUL, so conversion cannot take it for an event. */
const LONG = '\0longer:'

/**
 * Cuts a byte stream at newlines. An incomplete last line waits in memory until its newline comes, at most `limit`
 * bytes of it; of a longer one the first {@link KEPT_OF_LONG_LINE} bytes and the length go on, the rest is skipped.
 * Any chunking of the same bytes gives the same lines.
 */
export function createFramer(limit: number = LONGEST_LINE): Framer {
  let carried: Buffer[] = []
  /** Bytes of the incomplete line so far, those skipped included. */
  let length = 0

  function carry(piece: Buffer): void {
    length += piece.length
    // A copy: the chunk it is part of may be 64 KiB for a tail of a few bytes.
    if (length <= limit) carried.push(Buffer.from(piece))
    else if (carried.length !== 1 || (carried[0] as Buffer).length < KEPT_OF_LONG_LINE) {
      carried = [Buffer.from(Buffer.concat([...carried, piece.subarray(0, KEPT_OF_LONG_LINE)]).subarray(0, KEPT_OF_LONG_LINE))]
    }
  }

  function finish(): Lines {
    const parts = length <= limit ? [...carried, NEWLINE] : [marker(carried, length), NEWLINE]
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    const blank = isBlank(carried[0], 0, length) ? 1 : 0
    const lenient = isLenient(Buffer.concat(carried))
    carried = []
    length = 0
    return { parts, bytes, lines: 1, blank, longest: bytes, lenient }
  }

  return {
    *push(chunk, room) {
      let from = 0
      if (length > 0) {
        const newline = chunk.indexOf(10)
        carry(newline < 0 ? chunk : chunk.subarray(0, newline))
        if (newline < 0) return
        yield finish()
        from = newline + 1
      }
      while (from < chunk.length) {
        const { lines, bytes } = room()
        const run: Lines = { parts: [], bytes: 0, lines: 0, blank: 0, longest: 0, lenient: false }
        let at = from
        while (run.lines < lines && at - from < bytes) {
          const newline = chunk.indexOf(10, at)
          if (newline < 0 || newline - at > limit) break
          if (isBlank(chunk, at, newline - at)) run.blank++
          if (newline + 1 - at > run.longest) run.longest = newline + 1 - at
          if (isWidelySpaced(chunk, at, newline)) run.lenient = true
          run.lines++
          at = newline + 1
        }
        if (run.lines > 0) {
          const lines = chunk.subarray(from, at)
          run.parts.push(lines)
          if (holdsLenient(lines)) run.lenient = true
          run.bytes = at - from
          from = at
          yield run
          continue
        }
        const newline = chunk.indexOf(10, from)
        carry(newline < 0 ? chunk.subarray(from) : chunk.subarray(from, newline))
        if (newline < 0) return
        yield finish()
        from = newline + 1
      }
    },
    *end() {
      if (length > 0) yield finish()
    },
  }
}

function isBlank(bytes: Buffer | undefined, at: number, length: number): boolean {
  return length === 0 || (length === 1 && bytes?.[at] === 13)
}

/** What stands in a segment for a line over the limit. */
export function marker(kept: Buffer[], length: number): Buffer {
  return Buffer.concat([Buffer.from(`${LONG}${length}:`), ...kept]).subarray(0, LONG.length + 16 + KEPT_OF_LONG_LINE)
}

/** Length and first bytes of the line over the limit that this line of a segment stands for. */
export function longLine(line: Buffer): { length: number; head: Buffer } | undefined {
  if (line[0] !== 0) return undefined
  const match = /^longer:(\d+):/.exec(line.subarray(1, 32).toString('latin1'))
  return match ? { length: Number(match[1]), head: line.subarray(1 + match[0].length) } : undefined
}

/** The lines of a whole segment, without their newlines; blank ones left out. */
export function* linesOf(segment: Buffer): Generator<Buffer> {
  for (let at = 0; at < segment.length; ) {
    const newline = segment.indexOf(10, at)
    const end = newline < 0 ? segment.length : newline
    const line = segment.subarray(at, end > at && segment[end - 1] === 13 ? end - 1 : end)
    if (line.length > 0) yield line
    at = end + 1
  }
}
