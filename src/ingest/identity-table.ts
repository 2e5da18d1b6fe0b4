/** A set of identities, 64 bits each as two words. */
export interface IdentityTable {
  /** Two words a slot; a free one has 0 as its second. As many slots as a power of 2. */
  slots: Uint32Array
  size: number
  /** Slots in use, at most, of all. */
  readonly full: number
}

const LEAST = 2 ** 10

/** `full`: the fuller, the smaller and the slower. At a half, an entry takes 16 to 32 bytes. */
export function createTable({ full = 0.5, room = 0 } = {}): IdentityTable {
  return { slots: new Uint32Array(2 * slotsFor(room, full)), size: 0, full }
}

/** False where it was there already. */
export function add(table: IdentityTable, low: number, high: number): boolean {
  const { slots } = table
  const second = high || 1
  const at = find(slots, low, second)
  if (slots[at + 1] !== 0) return false
  slots[at] = low
  slots[at + 1] = second
  table.size++
  if (table.size > (slots.length / 2) * table.full) grow(table, slots.length)
  return true
}

export function has({ slots }: IdentityTable, low: number, high: number): boolean {
  return slots[find(slots, low, high || 1) + 1] !== 0
}

/** Makes room for so many more, at once. */
export function reserve(table: IdentityTable, more: number): void {
  const count = slotsFor(table.size + more, table.full)
  if (count > table.slots.length / 2) grow(table, count)
}

function slotsFor(entries: number, full: number): number {
  return Math.max(LEAST, 2 ** Math.ceil(Math.log2((entries + 1) / full)))
}

/** Where it is, or where it would be. */
function find(slots: Uint32Array, low: number, high: number): number {
  const mask = slots.length - 1
  let at = ((low ^ (high >>> 7)) << 1) & mask
  while (slots[at + 1] !== 0 && (slots[at] !== low || slots[at + 1] !== high)) at = (at + 2) & mask
  return at
}

function grow(table: IdentityTable, count: number): void {
  const old = table.slots
  const slots = new Uint32Array(2 * count)
  for (let at = 0; at < old.length; at += 2) {
    const high = old[at + 1] as number
    if (high === 0) continue
    const to = find(slots, old[at] as number, high)
    slots[to] = old[at] as number
    slots[to + 1] = high
  }
  table.slots = slots
}
