/** A seeded generator of numbers in [0, 1): mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Likes and posts, one a second from `start`, each with an identity of its own: line `n` is of user `did:plc:u<n % 7>`. */
export function eventLine(n: number, start = Date.parse('2026-07-04T14:00:00Z')): string {
  const micros = (start + n * 1000) * 1000 + (n % 1000)
  const timestamp = `${new Date(micros / 1000).toISOString().slice(0, 19)}.${String(micros % 1_000_000).padStart(6, '0')}Z`
  const post = n % 5 === 0
  const collection = post ? 'app.bsky.feed.post' : 'app.bsky.feed.like'
  const record = post
    ? { $type: collection, createdAt: timestamp, langs: ['en'], text: `post "${n}" über café \n #data 🎈` }
    : { $type: collection, createdAt: timestamp, subject: { cid: `c${n}`, uri: `at://did:plc:s${n % 11}/app.bsky.feed.post/p${n}` } }
  const event = { timestamp, action: 'create', path: `${collection}/k${n}`, cid: `c${n}`, record, repo: `did:plc:u${n % 7}`, rev: `r${n}`, time_us: micros, kind: 'commit' }
  return JSON.stringify(event)
}

export function eventLines(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => eventLine(from + n))
}
