/** Identities of the latest events, so that what a server repeats is printed once. */
export interface Seen {
  /** True the first time. */
  add: (identity: string, micros: number) => boolean
  has: (identity: string) => boolean
}

/** However wide the window, at least and at most so many are remembered (about 150 bytes each). */
const LEAST = 1_000
const MOST = 300_000

/** Remembers what is at most `span` µs of stream time older than the newest event. */
export function createSeen(span: number): Seen {
  // A Map keeps the order of insertion; that is nearly the order of time.
  const times = new Map<string, number>()
  let newest = 0
  return {
    has: (identity) => times.has(identity),
    add: (identity, micros) => {
      if (times.has(identity)) return false
      times.set(identity, micros)
      newest = Math.max(newest, micros)
      for (const [oldest, time] of times) {
        if (times.size <= MOST && (times.size <= LEAST || time >= newest - span)) break
        times.delete(oldest)
      }
      return true
    },
  }
}
