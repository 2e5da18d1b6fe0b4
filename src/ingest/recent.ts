/** Identities of a batch in row order, each 64 bits as two halves, and the span of event time they come from (ms). */
export interface Identities {
  low: Uint32Array
  high: Uint32Array
  from: number
  to: number
}

export interface Recent {
  /** Remembers a batch; gives the rows whose identity was seen before, in this batch or inside the window. */
  admit(batch: Identities): number[]
}

/** A table of 2^n slots; the pair (0, 0) marks a free one. */
interface Table {
  low: Uint32Array
  high: Uint32Array
  used: number
  /** Event time (ms) of its first entry. */
  from: number
}

/** Events of one generation at most: two generations are 64 MB. */
const CAPACITY = 2 ** 21

/**
 * The identities of the last `window` ms of the stream, for dropping what a rewinding source repeats.
 * Two generations: when the newer one spans the window (or is full), it becomes the older one and the oldest is forgotten,
 * so an identity is remembered for one to two windows. 64-bit hashes: among 500,000 remembered events an event
 * is taken for another with probability 3e-14.
 */
export function createRecent(window: number): Recent {
  let newer = table(2 ** 14)
  let older = table(2)

  function rotate(): void {
    older = newer
    newer = table(2 ** 14)
  }

  return {
    admit({ low, high, from, to }) {
      const repeated: number[] = []
      if (newer.used > 0 && (to - newer.from > window || newer.used + low.length > CAPACITY)) rotate()
      newer.from = Math.min(newer.from, from)
      for (let row = 0; row < low.length; row++) {
        const a = low[row] as number
        const b = (high[row] as number) || 1
        if (has(older, a, b) || !add(newer, a, b)) repeated.push(row)
        else if (newer.used * 2 > newer.low.length) newer = grown(newer)
      }
      return repeated
    },
  }
}

function table(slots: number): Table {
  return { low: new Uint32Array(slots), high: new Uint32Array(slots), used: 0, from: Infinity }
}

function slotOf({ low, high }: Table, a: number, b: number): number {
  const mask = low.length - 1
  let slot = (a ^ (b >>> 7)) & mask
  while (high[slot] !== 0 && (low[slot] !== a || high[slot] !== b)) slot = (slot + 1) & mask
  return slot
}

function has(table: Table, a: number, b: number): boolean {
  return table.high[slotOf(table, a, b)] !== 0
}

function add(table: Table, a: number, b: number): boolean {
  const slot = slotOf(table, a, b)
  if (table.high[slot] !== 0) return false
  table.low[slot] = a
  table.high[slot] = b
  table.used++
  return true
}

function grown(full: Table): Table {
  const bigger = table(full.low.length * 2)
  for (let slot = 0; slot < full.low.length; slot++) {
    const b = full.high[slot] as number
    if (b !== 0) add(bigger, full.low[slot] as number, b)
  }
  bigger.from = full.from
  return bigger
}
