import { isJson } from './json.ts'

/**
 * What DuckDB's JSON reader takes and JSON does not: a comma before a closing bracket, NaN and Infinity (in any case, also shortened
 * to inf), and a vertical tab or a form feed around a line. Lines that have any of it are rejected, one by one.
 *
 * The fast path reads a whole segment with that reader, which drops commas and spaces. They are found here in the bytes, and so is NaN or
 * Infinity with a capital letter: 0.1 µs a line. Encoders print those two so; nan and inf are found where a bracket follows, and by
 * SQL in records that stay whole. Of a member that has a column they are kept as a text.
 */

const LINE_FEED = 10
const VERTICAL_TAB = 11
const FORM_FEED = 12
const SPACE = 32
const COMMA = 44

/** Letters as they are and with the bit of lower case. */
const [CAPITAL_I, CAPITAL_N, A, F, N, Y] = [73, 78, 97, 102, 110, 121]

const NAN = /(?:^|[:,[\s])-?(?:nan|inf|infinity)(?:[,}\]\s]|$)/i

/** True where DuckDB's reader may take one of these lines for JSON that is not. */
export function isLenient(lines: Buffer): boolean {
  for (let at = 0, end; at < lines.length; at = end + 1) {
    const newline = lines.indexOf(LINE_FEED, at)
    end = newline < 0 ? lines.length : newline
    if (isWidelySpaced(lines, at, end)) return true
  }
  return holdsLenient(lines)
}

/** True where one of these whole lines is not JSON by a comma before a closing bracket, NaN or Infinity. */
export function holdsLenient(lines: Buffer): boolean {
  return (
    someSuspect(lines, 125, isAfterSuspect) || someSuspect(lines, 93, isAfterSuspect) || someSuspect(lines, CAPITAL_N, isInNaN) || someSuspect(lines, CAPITAL_I, isInNaN)
  )
}

/** True where a line is not JSON that has this byte in a suspect place: it may stand in a text. */
function someSuspect(lines: Buffer, byte: number, isSuspect: (lines: Buffer, at: number) => boolean): boolean {
  for (let at = lines.indexOf(byte); at >= 0; at = lines.indexOf(byte, at + 1)) {
    if (!isSuspect(lines, at)) continue
    const end = lines.indexOf(LINE_FEED, at)
    if (!isJson(lines.toString('utf8', lines.lastIndexOf(LINE_FEED, at) + 1, end < 0 ? lines.length : end))) return true
    if (end < 0) return false
    at = end
  }
  return false
}

/** True of a bracket behind a comma, or behind the last letter of NaN or Infinity. */
function isAfterSuspect(lines: Buffer, at: number): boolean {
  let before = at - 1
  while ((lines[before] as number) <= SPACE && lines[before] !== LINE_FEED) before--
  const byte = lines[before] as number
  if (byte === COMMA) return true
  const letter = byte | SPACE
  return (letter === N || letter === F || letter === Y) && NAN.test(lines.toString('latin1', Math.max(0, before - 11), before + 1))
}

/** True of a capital letter of NaN or Infinity. */
function isInNaN(lines: Buffer, at: number): boolean {
  const next = (lines[at + 1] as number) | SPACE
  if (next !== A && next !== N && next !== F && ((lines[at - 1] as number) | SPACE) !== A) return false
  return NAN.test(lines.toString('latin1', Math.max(0, at - 4), at + 10))
}

/** True of a line, from `start` to `end`, that has white space around it that JSON does not know. */
export function isWidelySpaced(bytes: Buffer, start: number, end: number): boolean {
  let first = start
  while (isBlank(bytes[first])) first++
  let last = end - 1
  while (last > first && isBlank(bytes[last])) last--
  return isForeignSpace(bytes[first]) || isForeignSpace(bytes[last])
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 9 || byte === 13
}

function isForeignSpace(byte: number | undefined): boolean {
  return byte === VERTICAL_TAB || byte === FORM_FEED
}

/** In SQL, true of minified JSON, an object or an array, that holds NaN or Infinity; rarely of one that holds a text like it. */
export function holdsNaN(json: string): string {
  // The first pattern, as it begins with a letter, is read at thrice the speed.
  return `CASE WHEN regexp_matches(${json}, '(?i)n(?:an|f|finity)[,}\\]]') THEN regexp_matches(${json}, '[:,\\[]-?(?i:nan|inf|infinity)[,}\\]]') ELSE false END`
}
