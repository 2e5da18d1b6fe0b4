import type { EventRow } from './rows.ts'
import { hashtagsOf, hasEngineering, wordsOf } from './naive-text.ts'

/** The metrics again, by loops over rows: no SQL, no window functions, nothing shared with queries/. */
export type Table = (string | number)[][]

const MINUTE = 60_000_000
const HOUR = 60 * MINUTE

export function naiveMetrics(rows: readonly EventRow[], stopwords: ReadonlyMap<string, ReadonlySet<string>>): Record<string, Table> {
  return {
    'likes-per-minutes': likesPerMinutes(rows),
    'fast-likers': fastLikers(rows),
    'top-10-word': top10Word(rows, stopwords),
    'posts-by-time-of-day': postsByTimeOfDay(rows),
    'trending-hashtags': trendingHashtags(rows),
    'stream-health': streamHealth(rows),
  }
}

export function csv(table: Table): string {
  return table.map((row) => `${row.join(',')}\n`).join('')
}

function created(rows: readonly EventRow[], collection: string): EventRow[] {
  return rows.filter((row) => row.kind === 'commit' && row.action === 'create' && row.collection === collection)
}

const likesOf = (rows: readonly EventRow[]): EventRow[] => created(rows, 'app.bsky.feed.like')
const postsOf = (rows: readonly EventRow[]): EventRow[] => created(rows, 'app.bsky.feed.post')

function likesPerMinutes(rows: readonly EventRow[]): Table {
  const counts = new Counter<number>()
  for (const like of likesOf(rows)) counts.add(Math.floor(like.event_time / MINUTE))
  return [['time', 'likes'], ...counts.entries().sort((a, b) => a[0] - b[0]).map(([minute, likes]) => [timestamp(minute * MINUTE), likes])]
}

/** Tries the window that begins at each like. */
function fastLikers(rows: readonly EventRow[]): Table {
  const byUser = new Map<string, EventRow[]>()
  for (const like of likesOf(rows)) byUser.set(like.did, [...(byUser.get(like.did) ?? []), like])
  const found: [string, number][] = []
  for (const [user, unsorted] of byUser) {
    const likes = [...unsorted].sort((a, b) => a.event_time - b.event_time)
    let most = 0
    likes.forEach((first, start) => {
      const posts = new Set<string>()
      for (let n = start; n < likes.length; n++) {
        const like = likes[n] as EventRow
        if (like.event_time - first.event_time >= MINUTE) break
        if (like.subject_uri !== null) posts.add(like.subject_uri)
      }
      most = Math.max(most, posts.size)
    })
    if (most >= 50) found.push([user, most])
  }
  return [['user_id', 'likes'], ...found.sort((a, b) => b[1] - a[1] || compare(a[0], b[0]))]
}

function top10Word(rows: readonly EventRow[], stopwords: ReadonlyMap<string, ReadonlySet<string>>): Table {
  const counts = new Counter<string>()
  for (const { text, langs } of postsOf(rows)) {
    if (text === null || !hasEngineering(text)) continue
    const lang = /^[a-z]+/.exec((langs?.[0] ?? '').toLowerCase())?.[0] ?? ''
    const stop = stopwords.get(lang) ?? stopwords.get('en')
    for (const word of new Set(wordsOf(text, lang))) {
      if (word !== 'engineering' && !stop?.has(word)) counts.add(word)
    }
  }
  return [['word', 'count'], ...counts.entries().sort((a, b) => b[1] - a[1] || compare(a[0], b[0])).slice(0, 10)]
}

function postsByTimeOfDay(rows: readonly EventRow[]): Table {
  const posts = new Counter<number>()
  const hours = new Map<number, Set<number>>()
  for (const { event_time } of postsOf(rows)) {
    const hour = Math.floor(event_time / HOUR)
    // 1970 began on a Thursday, the fourth day of the week.
    const slot = (hour + 3 * 24) % 168
    posts.add(slot)
    hours.set(slot, (hours.get(slot) ?? new Set()).add(hour))
  }
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
  const result: Table = [['time_of_day', 'posts', 'hours', 'per_hour']]
  for (const [slot, count] of posts.entries().sort((a, b) => a[0] - b[0])) {
    const held = hours.get(slot)?.size ?? 0
    result.push([`${days[Math.floor(slot / 24)]} ${String(slot % 24).padStart(2, '0')}:00`, count, held, Math.floor(count / held)])
  }
  return result
}

function trendingHashtags(rows: readonly EventRow[]): Table {
  const now = rows.reduce((newest, row) => Math.max(newest, row.event_time), 0)
  const uses = new Counter<string>()
  const before = new Counter<string>()
  const users = new Map<string, Set<string>>()
  for (const { event_time, did, text } of postsOf(rows)) {
    if (event_time <= now - 2 * HOUR) continue
    for (const tag of new Set(hashtagsOf(text ?? ''))) {
      if (event_time <= now - HOUR) {
        before.add(tag)
      } else {
        uses.add(tag)
        users.set(tag, (users.get(tag) ?? new Set()).add(did))
      }
    }
  }
  const rising = uses.entries().map(([tag, count]) => ({ tag, count, gain: count - before.get(tag) })).filter(({ gain }) => gain > 0)
  rising.sort((a, b) => b.gain - a.gain || b.count - a.count || compare(a.tag, b.tag))
  return [
    ['hashtag', 'gain', 'uses', 'uses_before', 'users'],
    ...rising.slice(0, 50).map(({ tag, gain, count }) => [tag, gain, count, before.get(tag), users.get(tag)?.size ?? 0]),
  ]
}

function streamHealth(rows: readonly EventRow[]): Table {
  const byMinute = new Map<number, { events: number; delay: number; silence: number }>()
  const sorted = [...rows].sort((a, b) => a.event_time - b.event_time)
  sorted.forEach(({ event_time, ingested_at }, n) => {
    const minute = Math.floor(event_time / MINUTE)
    const seen = byMinute.get(minute) ?? { events: 0, delay: 0, silence: 0 }
    const previous = sorted[n - 1]
    const silence = previous ? Math.floor(event_time / 1_000_000) - Math.floor(previous.event_time / 1_000_000) - 1 : 0
    byMinute.set(minute, {
      events: seen.events + 1,
      delay: seen.delay + Math.floor(ingested_at / 1000) - Math.floor(event_time / 1000),
      silence: Math.max(seen.silence, silence),
    })
  })
  return [
    ['time', 'events', 'longest_silence', 'delay_ms'],
    ...[...byMinute].map(([minute, { events, silence, delay }]) => [timestamp(minute * MINUTE), events, silence, Math.floor(delay / events)]),
  ]
}

class Counter<K> {
  readonly #counts = new Map<K, number>()
  add(key: K): void {
    this.#counts.set(key, this.get(key) + 1)
  }
  get(key: K): number {
    return this.#counts.get(key) ?? 0
  }
  entries(): [K, number][] {
    return [...this.#counts]
  }
}

function timestamp(micros: number): string {
  return new Date(micros / 1000).toISOString().slice(0, 19).replace('T', ' ')
}

/** As bytes of UTF-8, not as UTF-16. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
