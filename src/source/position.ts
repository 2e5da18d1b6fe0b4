import { createSeen } from './seen.ts'

/** Where in the stream we are, over all hosts: what to ask the next one for, and what it repeats. */
export interface Position {
  /** A connection to this host begins. */
  enter: (host: string) => void
  /** The cursor to ask it for; undefined for its live tip. */
  cursor: () => number | undefined
  /** Up to when events are printed or were not asked for, Unix µs, if that is known. */
  since: () => number | undefined
  /** The host refused the cursor: ask by time from now on. */
  doubt: () => void
  knows: (identity: string) => boolean
  /** Takes an event; false if it was printed before. */
  advance: (event: { identity: string; micros: number; seq: number | undefined }) => boolean
}

/**
 * Time cursors are rewound by so much, µs: a host's time_us is not strictly ordered, and another host stamped the same
 * events a little earlier or later.
 */
export const REWIND = 5e6
/** Repeats are recognised this far back, µs. */
const WINDOW = 4 * REWIND
/** From this value on a v2 cursor is a time in µs, below it a seq. */
export const LEAST_TIME = 1e15
/** A bad time_us further ahead of our clock than a day does not move the cursor: it would skip everything up to it. */
const MOST_AHEAD = 86_400e6

export function createPosition(protocol: 'v1' | 'v2', start: number | undefined, today: () => number): Position {
  const seen = createSeen(WINDOW)
  const startsAtSeq = protocol === 'v2' && start !== undefined && start < LEAST_TIME
  let latest: number | undefined
  let host: string | undefined
  /** The v2 position, and whose: a seq means nothing to another host. */
  let seq: { host: string; value: number } | undefined
  let doubted = false

  return {
    enter: (name) => {
      if (name !== host) doubted = false
      host = name
    },
    cursor: () => {
      if (seq && seq.host === host && !doubted) return seq.value
      if (latest !== undefined) return latest - REWIND
      // The oldest time there is makes a v2 host begin with the oldest event it has, and say so.
      return startsAtSeq && doubted ? LEAST_TIME : start
    },
    since: () => latest ?? (startsAtSeq ? undefined : start),
    doubt: () => (doubted = true),
    knows: (identity) => seen.has(identity),
    advance: (event) => {
      if (event.seq !== undefined && host !== undefined) {
        seq = { host, value: event.seq }
        doubted = false
      }
      if (event.micros <= today() + MOST_AHEAD) latest = Math.max(latest ?? 0, event.micros)
      return seen.add(event.identity, event.micros)
    },
  }
}
