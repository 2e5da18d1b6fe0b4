/** A set of identities, 64 bits each as two words. It answers in some 50 ns, and takes 11 to 21 bytes an entry. */
export interface IdentityTable {
  readonly size: number
  /** False where it was there already. */
  add(low: number, high: number): boolean
  has(low: number, high: number): boolean
  /** Makes room for so many more, at once. */
  reserve(more: number): void
}

/** Slots in use, at most. */
const FULL = 0.75

const LEAST = 2 ** 10

export function createTable(): IdentityTable {
  /** Two words a slot; a free one has 0 as its second. */
  let slots = new Uint32Array(2 * LEAST)
  let size = 0

  /** Where it is, or where it would be. */
  function find(low: number, high: number): number {
    const mask = slots.length - 1
    let at = ((low ^ (high >>> 7)) << 1) & mask
    while (slots[at + 1] !== 0 && (slots[at] !== low || slots[at + 1] !== high)) at = (at + 2) & mask
    return at
  }

  function grow(count: number): void {
    const full = slots
    slots = new Uint32Array(2 * count)
    for (let at = 0; at < full.length; at += 2) {
      const high = full[at + 1] as number
      if (high === 0) continue
      const to = find(full[at] as number, high)
      slots[to] = full[at] as number
      slots[to + 1] = high
    }
  }

  return {
    get size() {
      return size
    },
    add(low, high) {
      const second = high || 1
      const at = find(low, second)
      if (slots[at + 1] !== 0) return false
      if (size >= (slots.length / 2) * FULL) {
        grow(slots.length)
        return this.add(low, high)
      }
      slots[at] = low
      slots[at + 1] = second
      size++
      return true
    },
    has(low, high) {
      return slots[find(low, high || 1) + 1] !== 0
    },
    reserve(more) {
      const count = 2 ** Math.ceil(Math.log2((size + more) / FULL))
      if (count > slots.length / 2) grow(count)
    },
  }
}
