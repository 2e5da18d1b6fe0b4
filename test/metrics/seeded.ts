import type { EventRow } from './rows.ts'

const START = Date.parse('2026-07-04T11:20:00Z') * 1000
const SPAN = 3 * 3_600_000_000
const LANGS = [['en'], ['en-GB', 'ja'], ['de'], ['fr'], ['it-IT'], ['pt-BR'], ['es'], ['ja'], ['ru'], ['tr'], ['xx'], [], null, ['EN'], ['']]
const PIECES = [
  'engineering', 'Engineering', '#Engineering', 'engineering.', '"ENGINEERING"', 'bioengineering', "engineering's", 'engineering入門', 'エンジニアリングengineering',
  'the', 'und', 'le', 'que', 'really', 'just', "don't", 'don’t', "l'ingénierie", 'l’État', 'café', 'cafe\u0301', 'Straße', 'ÑANDÚ', 'İSTANBUL', 'ΟΔΟΣ', 'Привет', '今日は設計です', 'データ基盤', 'すごーい',
  'system', 'software', 'robotics', 'data-driven', 'state_of', '_emphasis_', '10k', 'web3', 'x', '3.14', '2026', "o'clock", "rock'n'roll", "10'000", 'ʼtis', '🎉', '👩‍💻code', 'a.b', 'end.Next', 'e.g.',
  'https://example.com/engineering/a?b=c#d', 'HTTP://X.Y/z、続き', 'www.example.org', 'awww.ok', 'example.com', 'Example.COM,', 'example.community', 'site.io/x', 'a.b.co', '@who.bsky.social', '@', 'me@example.org', 'éwww.x',
  '#art', '#Art', '#art-deco', '#art-', '#-art', '#a#b', '#1', '#2026-07', '#1st', '#日本', '＃写真', '#don’t', '##x', 'C#', '#www.tag', '(#paren)', 'x#y', '#\u0301e', '#\ufe0f\u20e3note', '#\u20e2tag', 'issue#abc', '&#x27;hi', '#two_part___', '#sea🌊side', '#ΚΟΣΜΟΣ', '#κοσμος', '#ＡＢＣ', '＃ｶﾞｲﾄﾞ', '#नमस्\u200dते', '❤\ufe0f#love',
  'engineering은', '엔지니어링engineering을', 'วิศวกรรมengineeringที่', 'វិស្វកម្មengineering', 'နည်းပညာengineering', 'ວິສະວະກຳengineering', 'הנדסהengineering', 'ΜengineeringЖ', 'engineering\u200c한', 'می\u200cخواهم', 'नमस्\u200dते',
  'ＥＮＧ', 'ｶﾞ', 'οδος', '2024년에는', '코로나19', '10kilo', '7мир', "об’єкт", "rock''n", "'quoted'", 'dogs’', '\r\n', '\n', '\t', '\u00a0', '\u3000', ',', '…', '-', "'",
]

/** Three hours of events with what the metrics are sensitive to: bursts of likes, repeats, unlikes, odd texts, a silence. */
export function seededRows(random: () => number, count: number): EventRow[] {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const rows: EventRow[] = []
  const add = (at: number, did: string, collection: string, rest: Partial<EventRow>): void => {
    rows.push({
      event_time: at, kind: 'commit', action: pick(['create', 'create', 'create', 'create', 'create', 'create', 'update', 'delete']), did: `did:plc:${did}`, collection,
      rkey: `r${rows.length}`, subject_uri: null, text: null, langs: null, reply_parent: null, rest: {}, ingested_at: at + below(20_000_000) - 1000, ...rest,
    })
  }
  while (rows.length < count) {
    const at = START + below(SPAN)
    const kind = random()
    if (random() < 0.01) {
      // A burst around the limits of 50 posts and 60 seconds.
      const posts = 46 + below(12)
      const every = pick([1000, 1_000_000, 1_199_999, 1_200_000, 1_224_489, 1_224_490, 2_000_000])
      const repeats = pick([1, posts, 1000])
      for (let n = 0; n < posts * 1.2; n++) add(at + n * every, `fast${below(60)}`, 'app.bsky.feed.like', { action: 'create', subject_uri: uri(n % repeats) })
      const one = `burst${rows.length}`
      for (let n = 0; n < posts * 1.1; n++) add(at + n * every, one, 'app.bsky.feed.like', { action: n % 17 === 16 ? 'delete' : 'create', subject_uri: uri(n % posts) })
    } else if (kind < 0.5) {
      add(at, `u${below(300)}`, 'app.bsky.feed.like', { subject_uri: random() < 0.02 ? null : uri(below(2000)) })
    } else if (kind < 0.9) {
      const text = seededText(random)
      const days = random() < 0.2 ? below(20) : 0
      add(at - days * 86_400_000_000, `u${below(300)}`, 'app.bsky.feed.post', { text: random() < 0.02 ? null : text, langs: pick(LANGS) })
    } else if (kind < 0.97) {
      add(at, `u${below(300)}`, pick(['app.bsky.feed.repost', 'app.bsky.graph.follow', 'app.bsky.actor.profile']), { subject_uri: uri(below(100)), text: 'engineering #never' })
    } else {
      add(at, `u${below(300)}`, 'app.bsky.feed.like', { kind: 'identity', action: null, collection: null, rkey: null, rest: { handle: 'a.bsky.social' } })
    }
  }
  const silence = START + below(SPAN)
  return rows.filter(({ event_time }) => event_time < silence || event_time > silence + 200_000_000)
}

/** Words, tags, links and traps, mostly with spaces between them. */
export function seededText(random: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  return Array.from({ length: Math.floor(random() * 9) }, () => pick(PIECES)).join(pick([' ', ' ', ' ', '']))
}

function uri(n: number): string {
  return `at://did:plc:author/app.bsky.feed.post/p${n}`
}
