// The CRC-32 of zlib, for files that must not change unseen; used by the log, the seals of the lake and what periodic keeps.

let zlib: typeof import('node:zlib') | undefined

/** Of these bytes, after others whose CRC-32 was `before`. zlib is loaded at first use: with it, each start takes 2 ms longer. */
export function crc32(bytes: string | Uint8Array, before = 0): number {
  zlib ??= process.getBuiltinModule('node:zlib')
  return zlib.crc32(bytes, before)
}
