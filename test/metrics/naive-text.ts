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
const isAscii = (c: string | undefined): boolean => c !== undefined && /[a-z]/i.test(c)
const isLatin = (c: string | undefined): boolean => c !== undefined && /\p{Script=Latin}/u.test(c)
const isJoiner = (c: string | undefined): boolean => c === '\u200c' || c === '\u200d'
const isSign = (c: string | undefined): boolean => c === '#' || c === '＃'

/** One character for one: the capital dotted I becomes i. */
function lower(c: string): string {
  const small = c.toLowerCase()
  return [...small].length === 1 ? small : ([...small][0] as string)
}

/** As Unicode's compatibility forms have it, but of characters of full and half width alone. */
function folded(text: string): string[] {
  const usual = [...text].map((c) => (/[\uff01-\uff5e\uff61-\uff9f]/.test(c) ? c.normalize('NFKC') : c)).join('')
  return [...usual.normalize('NFC')].map(lower).map((c) => (c === '’' || c === 'ʼ' ? "'" : c === 'ς' ? 'σ' : c))
}

export function hasEngineering(text: string): boolean {
  const word = [...'engineering']
  const chars = [...text]
  const isInside = (c: string | undefined): boolean => isLatin(c) || isNumber(c) || c === '_'
  const begins = (at: number): boolean => word.every((c, n) => chars[at + n] === c || chars[at + n] === c.toUpperCase())
  return chars.some((_, at) => {
    if (!begins(at)) return false
    let before = at - 1
    while (isMark(chars[before]) || isJoiner(chars[before])) before--
    let after = at + word.length
    while (isJoiner(chars[after])) after++
    return !isInside(chars[before]) && !isInside(chars[after]) && !isMark(chars[after])
  })
}

/** The script of which a word is made, if this character begins one. */
function scriptOf(c: string | undefined): 'latin' | 'han' | 'katakana' | 'hiragana' | 'digits' | 'other' | undefined {
  if (isLatin(c)) return 'latin'
  if (isHan(c)) return 'han'
  if (isKatakana(c)) return 'katakana'
  if (isHiragana(c)) return 'hiragana'
  if (isNumber(c) || c === '_') return 'digits'
  return isLetter(c) || isMark(c) ? 'other' : undefined
}

export function wordsOf(text: string, lang: string): string[] {
  const elides = ['fr', 'it', 'ca'].includes(lang)
  const chars = withoutLinks(folded(text)).map((c) => (elides && c === "'" ? ' ' : c))
  const words: string[] = []
  for (let at = 0; at < chars.length; ) {
    const start = at++
    let script = scriptOf(chars[start])
    if (script === undefined) continue
    if (script === 'digits') {
      // Digits are of the Latin word behind them, or of a word of another script.
      let end = at
      while (scriptOf(chars[end]) === 'digits') end++
      script = scriptOf(chars[end]) === 'latin' ? 'latin' : 'other'
    }
    const isGlue = (c: string | undefined): boolean => c === "'" || isJoiner(c)
    const belongs = (c: string | undefined): boolean => {
      const of = scriptOf(c)
      if (script === 'han') return of === 'han'
      if (script === 'katakana' || script === 'hiragana') return of === script || c === 'ー'
      if (script === 'latin') return of === 'latin' || of === 'digits' || isMark(c) || isGlue(c)
      return of === 'other' || of === 'digits' || isGlue(c)
    }
    while (belongs(chars[at])) at++
    if (!isLetter(chars[start]) || script === 'hiragana') continue
    let end = at
    while (isGlue(chars[end - 1])) end--
    let word = chars.slice(start, end)
    if (word.at(-1) === 's' && word.at(-2) === "'") word = word.slice(0, -2)
    if (word.length > 1) words.push(word.join(''))
  }
  return words
}

export function hashtagsOf(text: string): string[] {
  const chars = [...text]
  const tags: string[] = []
  /** What is before it belongs to a link or to a tag. */
  let consumed = 0
  for (let at = 0; at < chars.length; ) {
    const handle = urlEnd(chars, at) === undefined ? handleEnd(chars, at) : undefined
    const end = linkEnd(chars, at)
    if (end !== undefined) {
      at = end
      if (handle !== undefined && isSign(chars[at])) at++
      consumed = at
      continue
    }
    const sign = at++
    if (!isSign(chars[sign])) continue
    let before = sign - 1
    while (before >= consumed && isMark(chars[before])) before--
    const base = before >= consumed ? chars[before] : undefined
    if (isLetter(base) || (before === sign - 1 && (isNumber(base) || base === '_' || base === '&'))) continue
    let stop = at
    while (isWordPart(chars[stop]) || chars[stop] === '-' || isJoiner(chars[stop])) stop++
    const found = chars.slice(at, stop)
    if (found[0] === '-' || isMark(found[0]) || isJoiner(found[0]) || !found.some(isLetter)) continue
    const tag = folded(found.join(''))
    while (['_', '-'].includes(tag.at(-1) ?? '') || isJoiner(tag.at(-1))) tag.pop()
    tags.push(tag.join(''))
    at = isSign(chars[stop]) ? stop + 1 : stop
    consumed = at
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
    while (isAscii(chars[tld])) tld++
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
