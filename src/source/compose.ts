import type { Random } from './random.ts'
import { EMOJI, ENGINEERING, HANDLES, HASHTAGS, INTERJECTIONS, LANGUAGES, TOPIC, URLS } from './vocabulary.ts'

/** Writes what simulated people say, as JSON, byte by byte: strings would cost several times as much. */
export interface Composer {
  /** Thinks of a post; `facetsAndLangs` and `text` then write it. */
  post: () => void
  /** `"facets":[…],"langs":[…],`, or one of them, or nothing. Returns where it ends. */
  facetsAndLangs: (out: Buffer, at: number) => number
  /** The inside of the text's JSON string. */
  text: (out: Buffer, at: number) => number
  /** The inside of a JSON string: some words. */
  phrase: (out: Buffer, at: number) => number
}

/** Words as they stand in JSON, one after another in `bytes`. */
interface Words {
  count: number
  bytes: Uint8Array
  /** Word n is at [starts[n], starts[n + 1]). */
  starts: Int32Array
  /** Lengths in the text's own UTF-8 bytes, which is what facets count. */
  lengths: Int32Array
}

interface Tongue {
  words: Words
  space: number
  langs: Words
  /** Posts whose draw of a thousand is below this, and not below the one before. */
  until: number
}

/** Words that become facets, and for each the facet up to its index. */
interface Marked {
  words: Words
  features: readonly string[]
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

function wordsOf(texts: readonly string[], json: (text: string) => string = inJson): Words {
  const pieces = texts.map((text) => Buffer.from(json(text)))
  let end = 0
  return {
    count: texts.length,
    bytes: new Uint8Array(Buffer.concat(pieces)),
    starts: Int32Array.from([0, ...pieces.map((piece) => (end += piece.length))]),
    lengths: Int32Array.from(texts, (text) => Buffer.byteLength(text)),
  }
}

const SPACE = 32
const LONGEST_WORDS = 48
const FACET = '{"features":[{"$type":"app.bsky.richtext.facet#'

export function createComposer(random: Random): Composer {
  let until = 0
  const tongues = LANGUAGES.map<Tongue>((language) => ({
    words: wordsOf(language.words),
    space: language.space.length,
    langs: wordsOf(language.langs.map((langs) => (langs ? `"langs":${JSON.stringify(langs)},` : '')), (text) => text),
    until: (until += language.share),
  }))
  const hashtags: Marked = { words: wordsOf(HASHTAGS), features: HASHTAGS.map((tag) => `tag","tag":"${inJson(tag.slice(1))}"`) }
  const urls: Marked = { words: wordsOf(URLS), features: URLS.map((url) => `link","uri":"${inJson(url)}"`) }
  const handles: Marked = {
    words: wordsOf(HANDLES.map((handle) => `@${handle}`)),
    features: HANDLES.map((_, i) => `mention","did":"did:plc:${'abcdefg234567hijklmnopqr'.slice(i)}${'z'.repeat(i)}"`),
  }
  const emoji = wordsOf(EMOJI)
  const interjections = wordsOf(INTERJECTIONS)
  const engineering = wordsOf(ENGINEERING)
  const topic = wordsOf(TOPIC)

  const scratch = new Uint8Array(8192)
  let scratchEnd = 0
  let langs: Words = wordsOf([])
  let lang = 0
  let facets = ''

  const copy = (words: Words, word: number, out: Uint8Array, at: number): number => {
    const { bytes, starts } = words
    const end = starts[word + 1] as number
    let to = at
    for (let from = starts[word] as number; from < end; from++) out[to++] = bytes[from] as number
    return to
  }
  /** The product of two draws: the first tenth of the words takes a third of them. */
  const pickWord = (tongue: Tongue): number => {
    const bits = random.next()
    return ((bits & 1023) * ((bits >>> 10) & 1023) * tongue.words.count) >>> 20
  }
  const pickTongue = (): Tongue => {
    const draw = random.below(1000)
    let i = 0
    while (draw >= (tongues[i] as Tongue).until) i++
    return tongues[i] as Tongue
  }

  return {
    post: () => {
      const tongue = pickTongue()
      const length = Math.min(LONGEST_WORDS, 1 + ((random.below(32) * random.below(32)) >>> 4))
      // One English post in twenty is about engineering.
      const topicAt = tongue === tongues[0] && random.below(20) === 0 ? random.below(length) : -1
      langs = tongue.langs
      lang = random.below(langs.count)
      facets = ''
      let end = 0
      let bytes = 0
      // A tag, a handle and a link end at a space, also where words have none between them.
      let isBehindMarked = false
      for (let n = 0; n < length; n++) {
        const draw = n === topicAt ? -1 : random.next() & 255
        const marked = draw < 0 || draw > 6 ? undefined : draw < 5 ? hashtags : draw === 5 ? handles : urls
        const ordinary = topicAt >= 0 && draw < 110 ? topic : tongue.words
        const words = marked?.words ?? (draw < 0 ? engineering : draw > 10 ? ordinary : draw < 9 ? emoji : interjections)
        const word = words === tongue.words ? pickWord(tongue) : random.below(words.count)
        if (n > 0 && (marked || isBehindMarked || tongue.space === 1)) {
          scratch[end++] = SPACE
          bytes++
        }
        isBehindMarked = marked !== undefined
        end = copy(words, word, scratch, end)
        bytes += words.lengths[word] as number
        if (marked) {
          const start = bytes - (words.lengths[word] as number)
          facets += facets === '' ? '"facets":[' : ','
          facets += `${FACET}${marked.features[word]}}],"index":{"byteEnd":${bytes},"byteStart":${start}}}`
        }
      }
      if (facets !== '') facets += '],'
      scratchEnd = end
    },
    facetsAndLangs: (out, at) => copy(langs, lang, out, facets === '' ? at : at + out.write(facets, at)),
    text: (out, at) => {
      for (let i = 0; i < scratchEnd; i++) out[at + i] = scratch[i] as number
      return at + scratchEnd
    },
    phrase: (out, at) => {
      const tongue = pickTongue()
      let end = copy(tongue.words, pickWord(tongue), out, at)
      for (let n = random.below(8); n > 0; n--) {
        if (tongue.space === 1) out[end++] = SPACE
        end = copy(tongue.words, pickWord(tongue), out, end)
      }
      return end
    },
  }
}
