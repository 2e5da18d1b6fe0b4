import { messageOf } from '../failure.ts'
import { REASONS } from './reasons.ts'

/**
 * JSON text, looked into without being changed: numbers beyond 2^53 and repeated keys stay as they came.
 * All but `isJson`, `whyNotJson` and `hasHalfSurrogate` expect text that JSON.parse takes. Nothing recurses: nesting may be as deep as a line is long.
 */

const SPACE = 32
const QUOTE = 34
const COMMA = 44
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** The members of an object in order, each value as minified JSON; undefined where the text is no object. */
export function members(json: string): [key: string, value: string][] | undefined {
  const found: [string, string][] = []
  let at = pastSpace(json, 0)
  if (json.charCodeAt(at) !== OPEN_BRACE) return undefined
  for (;;) {
    at = pastSpace(json, at + 1)
    // An empty object.
    if (json.charCodeAt(at) === CLOSE_BRACE) return found
    const keyEnd = pastString(json, at)
    const start = pastSpace(json, pastSpace(json, keyEnd) + 1)
    const { end, spaced } = pastValue(json, start)
    found.push([unquoted(json.slice(at, keyEnd)), spaced ? minified(json.slice(start, end)) : json.slice(start, end)])
    at = pastSpace(json, end)
    if (json.charCodeAt(at) === CLOSE_BRACE) return found
  }
}

/** The items of an array, each as minified JSON; undefined where the text is no array. */
export function items(json: string): string[] | undefined {
  const found: string[] = []
  let at = pastSpace(json, 0)
  if (json.charCodeAt(at) !== OPEN_BRACKET) return undefined
  for (;;) {
    const start = pastSpace(json, at + 1)
    if (json.charCodeAt(start) === CLOSE_BRACKET) return found
    const { end, spaced } = pastValue(json, start)
    found.push(spaced ? minified(json.slice(start, end)) : json.slice(start, end))
    at = pastSpace(json, end)
    if (json.charCodeAt(at) === CLOSE_BRACKET) return found
  }
}

/** A value as a text column holds it: strings without quotes, null as null, anything else as its JSON. */
export function textOf(json: string | undefined): string | null {
  if (json === undefined || json === 'null') return null
  return json.startsWith('"') ? unquoted(json) : json
}

/** `null`, `object`, `array`, `string`, `number` or `boolean`. */
export function kindOf(json: string): string {
  const first = json[pastSpace(json, 0)] as string
  return { '{': 'object', '[': 'array', '"': 'string', t: 'boolean', f: 'boolean', n: 'null' }[first] ?? 'number'
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The reason why a line is not JSON that can be written as UTF-8; undefined where it is. */
export function whyNotJson(text: string): string | undefined {
  try {
    JSON.parse(text)
    return hasHalfSurrogate(text) ? REASONS.loneSurrogate : undefined
  } catch (error) {
    const message = messageOf(error)
    const place = Number(/position (\d+)/.exec(message)?.[1])
    return /end of JSON input|Unterminated/.test(message) || place >= text.length ? REASONS.cutOff : REASONS.notJson
  }
}

/** True where an escape is half of a surrogate pair. JSON.parse lets it pass; as UTF-8 it cannot be written. */
export function hasHalfSurrogate(json: string): boolean {
  if (!json.includes('\\u') || !/\\u[dD][89a-fA-F]/.test(json)) return false
  /** Where the second half has to begin. */
  let expected: number | undefined
  for (const { 0: escape, index } of json.matchAll(/\\(?:u[0-9a-fA-F]{4}|.)/g)) {
    const second = /^\\u[dD][c-fC-F]/.test(escape)
    if (second !== (expected !== undefined) || (second && index !== expected)) return true
    expected = /^\\u[dD][89abAB]/.test(escape) ? index + 6 : undefined
  }
  return expected !== undefined
}

function pastSpace(json: string, from: number): number {
  let at = from
  while (json.charCodeAt(at) <= SPACE) at++
  return at
}

/** `from` is at the opening quote. */
function pastString(json: string, from: number): number {
  for (let quote = json.indexOf('"', from + 1); ; quote = json.indexOf('"', quote + 1)) {
    let slash = quote
    while (json.charCodeAt(slash - 1) === BACKSLASH) slash--
    if ((quote - slash) % 2 === 0) return quote + 1
  }
}

/** `spaced` where there is white space between its tokens. */
function pastValue(json: string, from: number): { end: number; spaced: boolean } {
  let depth = 0
  let spaced = false
  for (let at = from; ; ) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) at = pastString(json, at)
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++
      at++
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--
      at++
    } else if (depth > 0) {
      if (code <= SPACE) spaced = true
      at++
    } else while (isPlain(json.charCodeAt(at))) at++
    if (depth === 0) return { end: at, spaced }
  }
}

/** Part of a number, true, false or null. */
function isPlain(code: number): boolean {
  return code > SPACE && code !== COMMA && code !== CLOSE_BRACE && code !== CLOSE_BRACKET
}

function minified(json: string): string {
  let result = ''
  let kept = 0
  for (let at = 0; at < json.length; ) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) at = pastString(json, at)
    else if (code > SPACE) at++
    else {
      result += json.slice(kept, at)
      at = pastSpace(json, at)
      kept = at
    }
  }
  return kept === 0 ? json : result + json.slice(kept)
}

function unquoted(string: string): string {
  return string.includes('\\') ? (JSON.parse(string) as string) : string.slice(1, -1)
}
