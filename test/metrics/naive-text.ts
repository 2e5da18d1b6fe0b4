/** The rules for words, hashtags and links, character by character. What a character is comes from Unicode; no pattern spans two. */

const isLetter = (c: string | undefined): boolean => c !== undefined && /\p{L}/u.test(c)
const isMark = (c: string | undefined): boolean => c !== undefined && /\p{M}/u.test(c)
const isNumber = (c: string | undefined): boolean => c !== undefined && /\p{N}/u.test(c)
const isWordPart = (c: string | undefined): boolean => isLetter(c) || isMark(c) || isNumber(c) || c === '_'
const isSpace = (c: string | undefined): boolean => c !== undefined && /[\s\p{Z}]/u.test(c)
const isHiragana = (c: string | undefined): boolean => c !== undefined && /\p{Script=Hiragana}/u.test(c)
const isKatakana = (c: string | undefined): boolean => c !== undefined && /\p{Script=Katakana}/u.test(c)
const isHan = (c: string | undefined): boolean => c !== undefined && /\p{Script=Han}/u.test(c)
const isEastAsian = (c: string | undefined): boolean => isHan(c) || isHiragana(c) || isKatakana(c)
const isLatin = (c: string | undefined): boolean => c !== undefined && /[a-z]/i.test(c)

/** One character for one: the capital dotted I becomes i. */
function lower(c: string): string {
  const small = c.toLowerCase()
  return [...small].length === 1 ? small : ([...small][0] as string)
}

export function hasEngineering(text: string): boolean {
  const word = [...'engineering']
  const chars = [...text]
  const isEdge = (c: string | undefined): boolean => !isWordPart(c) || isEastAsian(c) || c === 'ー'
  const begins = (at: number): boolean => word.every((c, n) => chars[at + n] === c || chars[at + n] === c.toUpperCase())
  return chars.some((_, at) => begins(at) && isEdge(chars[at - 1]) && isEdge(chars[at + word.length]))
}

export function wordsOf(text: string, lang: string): string[] {
  const folded = [...text.normalize('NFC')].map(lower).map((c) => (['’', 'ʼ', '＇'].includes(c) ? "'" : c))
  const elides = ['fr', 'it', 'ca'].includes(lang)
  const chars = separateScripts(withoutLinks(folded).map((c) => (elides && c === "'" ? ' ' : c)))
  const words: string[] = []
  for (let at = 0; at < chars.length; at++) {
    if (!isWordPart(chars[at])) continue
    const start = at
    while (isWordPart(chars[at]) || (chars[at] === "'" && isWordPart(chars[at + 1]))) at++
    let word = chars.slice(start, at)
    if (word.at(-1) === 's' && word.at(-2) === "'") word = word.slice(0, -2)
    if (isLetter(word[0]) && word.length > 1) words.push(word.join(''))
  }
  return words
}

/** A space wherever Han, Katakana or something else meets another of them; Hiragana goes. */
function separateScripts(chars: readonly string[]): string[] {
  const result: string[] = []
  let before = ''
  for (const c of chars) {
    const script = isHiragana(c) ? 'hiragana' : isKatakana(c) ? 'katakana' : isHan(c) ? 'han'
      : c === 'ー' && (before === 'hiragana' || before === 'katakana') ? before : ''
    if (script !== before) result.push(' ')
    if (script !== 'hiragana') result.push(c)
    before = script
  }
  return result
}

export function hashtagsOf(text: string): string[] {
  const chars = [...text]
  const tags: string[] = []
  for (let at = 0; at < chars.length; ) {
    const end = linkEnd(chars, at)
    if (end !== undefined) {
      at = end
      continue
    }
    const sign = chars[at++]
    if (sign !== '#' && sign !== '＃') continue
    let stop = at
    while (isWordPart(chars[stop]) || chars[stop] === '-') stop++
    while (chars[stop - 1] === '-') stop--
    const tag = chars.slice(at, Math.max(at, stop))
    if (tag[0] === '-' || !tag.some(isLetter)) continue
    tags.push([...tag.join('').normalize('NFC')].map(lower).join(''))
    at = stop
  }
  return tags
}

function withoutLinks(chars: readonly string[]): string[] {
  const result: string[] = []
  for (let at = 0; at < chars.length; ) {
    const end = linkEnd(chars, at)
    result.push(end === undefined ? (chars[at] as string) : ' ')
    at = end ?? at + 1
  }
  return result
}

/** Where the URL, handle or address that begins at `at` ends; undefined where none begins. */
function linkEnd(chars: readonly string[], at: number): number | undefined {
  return urlEnd(chars, at) ?? handleEnd(chars, at) ?? domainEnd(chars, at)
}

function urlEnd(chars: readonly string[], at: number): number | undefined {
  const ahead = chars.slice(at, at + 9).join('').toLowerCase()
  const afterAscii = /[0-9a-z_]/i.test(chars[at - 1] ?? '')
  const scheme = ['http://', 'https://', 'www.'].find((start) => ahead.startsWith(start) && (start !== 'www.' || !afterAscii))
  if (scheme === undefined) return undefined
  const end = skipUrl(chars, at + scheme.length)
  return end > at + scheme.length ? end : undefined
}

function skipUrl(chars: readonly string[], at: number): number {
  let end = at
  while (end < chars.length && !isSpace(chars[end]) && !isEastAsian(chars[end])) end++
  return end
}

function handleEnd(chars: readonly string[], at: number): number | undefined {
  let sign = at
  while (isLetter(chars[sign]) || isNumber(chars[sign]) || '._+-'.includes(chars[sign] ?? ' ')) sign++
  if (chars[sign] !== '@') return undefined
  let end = sign + 1
  while (isLetter(chars[end]) || isNumber(chars[end]) || '._-'.includes(chars[end] ?? ' ')) end++
  return end > sign + 1 ? end : undefined
}

const USUAL = ['com', 'org', 'net', 'edu', 'gov', 'io', 'dev', 'app', 'co', 'social']

function domainEnd(chars: readonly string[], at: number): number | undefined {
  const isLabel = (c: string | undefined): boolean => isLetter(c) || isNumber(c) || c === '-'
  const dots: number[] = []
  let end = at
  while (isLabel(chars[end])) {
    while (isLabel(chars[end])) end++
    if (chars[end] === '.') dots.push(end++)
  }
  for (const dot of dots.reverse()) {
    let tld = dot + 1
    while (isLatin(chars[tld])) tld++
    if (tld - dot > 2 && chars[tld] === '/') return skipUrl(chars, tld + 1)
    for (const name of USUAL) {
      const next = dot + 1 + name.length
      if (chars.slice(dot + 1, next).join('').toLowerCase() !== name) continue
      if (next >= chars.length) return next
      if (!isLetter(chars[next]) && !isNumber(chars[next]) && chars[next] !== '_') return next + 1
    }
  }
  return undefined
}
