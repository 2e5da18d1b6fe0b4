/** AT Protocol identifiers, written as bytes: the same numbers always give the same identifier. */
import { mix } from './random.ts'

/** RFC 4648 in lower case, as in DIDs and CIDs. */
const BASE32 = pairs('abcdefghijklmnopqrstuvwxyz234567')
/** Sorts as its value does, as TIDs need. */
const SORTABLE = pairs('234567abcdefghijklmnopqrstuvwxyz')

/** For every 10 bits its two characters, the upper five bits first, as one big-endian number: half as many stores. */
function pairs(alphabet: string): Uint16Array {
  return Uint16Array.from({ length: 1024 }, (_, bits) => (alphabet.charCodeAt(bits >> 5) << 8) | alphabet.charCodeAt(bits & 31))
}

/** The 13 characters of a TID: 53 bits of Unix microseconds and 10 bits of clock id. */
export function writeTid(out: DataView, at: number, micros: number, clock: number): void {
  const high = Math.floor(micros / 2 ** 25)
  const low = micros - high * 2 ** 25
  out.setUint16(at, SORTABLE[(high >>> 20) & 1023] as number)
  out.setUint16(at + 2, SORTABLE[(high >>> 10) & 1023] as number)
  out.setUint16(at + 4, SORTABLE[high & 1023] as number)
  out.setUint16(at + 6, SORTABLE[(low >>> 15) & 1023] as number)
  out.setUint16(at + 8, SORTABLE[(low >>> 5) & 1023] as number)
  out.setUint16(at + 10, SORTABLE[((low & 31) << 5) | ((clock >>> 5) & 31)] as number)
  out.setUint8(at + 12, (SORTABLE[clock & 31] as number) & 255)
}

/** The 24 characters behind `did:plc:`. */
export function writeDid(out: DataView, at: number, seed: number, user: number): void {
  let bits = mix(seed, user)
  for (let i = 0; i < 24; i += 6) {
    writeSix(out, at + i, bits)
    bits = next(bits, seed)
  }
}

/** The 52 characters behind `bafyrei` or `bafkrei`; `low` and `high` are the 64 bits they depend on. */
export function writeCid(out: DataView, at: number, low: number, high: number): void {
  let bits = mix(low, high)
  // `bafyrei` holds 30 bits of the prefix's 32, which end in 00; then come the digest's 256 bits and two bits of padding.
  writeSix(out, at, bits & ~0b11000_00000)
  for (let i = 6; i < 48; i += 6) {
    bits = next(bits, high)
    writeSix(out, at + i, bits)
  }
  bits = next(bits, high)
  out.setUint16(at + 48, BASE32[bits & 1023] as number)
  out.setUint16(at + 50, BASE32[(bits >>> 10) & 0b11111_11100] as number)
}

/** Cheaper than another `mix`. */
function next(bits: number, step: number): number {
  const product = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d) + step
  return product ^ (product >>> 13)
}

function writeSix(out: DataView, at: number, bits: number): void {
  out.setUint16(at, BASE32[bits & 1023] as number)
  out.setUint16(at + 2, BASE32[(bits >>> 10) & 1023] as number)
  out.setUint16(at + 4, BASE32[(bits >>> 20) & 1023] as number)
}
