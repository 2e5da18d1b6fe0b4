/** A stream of 32-bit integers: sfc32, the same on every machine (integer arithmetic only). */
export interface Random {
  /** A signed 32-bit integer. */
  next: () => number
  /** A whole number in [0, n), for n <= 2 ** 21. */
  below: (n: number) => number
}

export function createRandom(seed: number): Random {
  let a = mix(seed, 1)
  let b = mix(Math.floor(seed / 2 ** 32), 2)
  let c = mix(seed, 3)
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum
  }
  for (let i = 0; i < 12; i++) next()
  return { next, below: (n) => Math.floor(((next() >>> 0) * n) / 2 ** 32) }
}

/** A signed 32-bit integer that depends on every bit of both (murmur3's finalizer). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
