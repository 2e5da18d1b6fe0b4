import type { Random } from './random.ts'

/** A user who likes many posts in a short time, as fast-likers looks for: 50 distinct posts within less than 60 s. */
export interface Burst {
  /** Counts from 0; a burst has a user of its own, who does nothing else. */
  user: number
  /** Which of its posts is liked next. */
  post: number
}

/** Likes, distinct posts, µs from the first like to the last. */
const SHAPES: readonly (readonly [likes: number, posts: number, span: number])[] = [
  [60, 60, 12e6],
  [50, 50, 59_999_999],
  [50, 50, 60_000_000],
  [49, 49, 5e6],
  [50, 49, 20e6],
  [80, 80, 25e6],
  [62, 51, 40e6],
  [51, 51, 60_000_001],
  [100, 100, 119e6],
  [150, 150, 90e6],
  [50, 50, 8e6],
  [240, 240, 55e6],
]

interface Entry {
  due: number
  start: number
  user: number
  liked: number
  shape: (typeof SHAPES)[number]
}

export interface Bursts {
  /** Begins another one. */
  begin: (micros: number) => void
  /** When the next like of any of them is due, µs; Infinity when there is none. */
  due: () => number
  /** Takes that like. */
  take: () => Burst
}

export function createBursts(random: Random): Bursts {
  /** A binary heap by (due, user). */
  const heap: Entry[] = []
  let begun = 0

  const before = (a: Entry, b: Entry): boolean => a.due < b.due || (a.due === b.due && a.user < b.user)
  const sink = (entry: Entry, from: number): void => {
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (child >= heap.length || before(entry, heap[child] as Entry)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = entry
  }
  const rise = (entry: Entry): void => {
    let at = heap.length
    for (let parent = (at - 1) >> 1; at > 0 && before(entry, heap[parent] as Entry); parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as Entry
      at = parent
    }
    heap[at] = entry
  }
  return {
    begin: (micros) => {
      // The first ones in turn, so that a short run shows each of them.
      const shape = SHAPES[begun < SHAPES.length ? begun : random.below(SHAPES.length)] as Entry['shape']
      rise({ due: micros, start: micros, user: begun++, liked: 0, shape })
    },
    due: () => heap[0]?.due ?? Infinity,
    take: () => {
      const entry = heap[0] as Entry
      const [likes, posts, span] = entry.shape
      const burst = { user: entry.user, post: entry.liked % posts }
      if (++entry.liked < likes) {
        entry.due = entry.start + Math.floor((span * entry.liked) / (likes - 1))
        sink(entry, 0)
      } else {
        const last = heap.pop() as Entry
        if (heap.length > 0) sink(last, 0)
      }
      return burst
    },
  }
}
