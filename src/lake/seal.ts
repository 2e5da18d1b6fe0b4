import { readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from '../crc32.ts'
import { codeOf } from '../failure.ts'
import type { Disk } from './disk.ts'
import { diskFailure } from './disk.ts'
import type { Struct } from './footer.ts'
import { binary, decode, encode, FILE, footerLength, KEY_VALUE, listField, readFooter, struct, structsAt, TYPE, writeFooter } from './footer.ts'
import { FORMAT } from './format.ts'
import type { Step } from './steps.ts'

/**
 * What each file of the lake says of itself in the key/value metadata of its footer: whose lake it belongs to, the format of its columns, and
 * a checksum of all its bytes: those before the footer, and the footer as it is without the checksum. CRC-32 finds every change of up to
 * 32 bits in a row, at 4 GB/s; sha256 has 1.8.
 */
export interface Seal {
  lake: string
  format: number
  hash: string
}

const KEYS = { lake: 'sluice.lake', format: 'sluice.format', hash: 'sluice.hash' } as const
const PREFIX = 'sluice.'

/** Bytes read at a time. */
const CHUNK = 2 ** 18

/** So many bytes from the end hold most footers. */
const TAIL = 2 ** 16

/** Seals a complete Parquet file that nobody reads yet, in place: only the footer is written anew. Before its fsync. */
export async function seal(disk: Disk, path: string, { lake, step, format = FORMAT }: { lake: string; step: Step; format?: number }): Promise<void> {
  const { footer, start, before } = await reading(path, async (file) => {
    const { footer, start } = await footerOf(file, path)
    return { footer, start, before: checksum(file, start) }
  })
  const sealed = withPairs(footer, { [KEYS.lake]: lake, [KEYS.format]: String(format), [KEYS.hash]: undefined })
  const hash = hashOf(before, sealed)
  await disk.patch(path, start, writeFooter(withPairs(sealed, { [KEYS.hash]: hash })), step)
}

/** The seal of a file, from its footer alone; undefined where it has none. Throws where there is no footer. */
export async function readSeal(path: string): Promise<Seal | undefined> {
  return reading(path, async (file) => sealOf((await footerOf(file, path)).footer))
}

/**
 * What is wrong with the bytes of a file, by its own seal; undefined where nothing is, or where it has none, as those of the first format.
 * Reads all of it.
 */
export async function damageOf(path: string): Promise<string | undefined> {
  return reading(path, async (file) => {
    const { footer, raw, start } = await footerOf(file, path)
    const { hash } = sealOf(footer) ?? { hash: undefined }
    // A flipped bit may have hidden the seal: its other keys tell.
    if (hash === undefined && !raw.includes(PREFIX)) return undefined
    const found = hashOf(checksum(file, start), withPairs(footer, { [KEYS.hash]: undefined }))
    // What decodes to the same may still be other bytes.
    return hash === found && encode(footer).equals(raw) ? undefined : `its checksum is ${found}, its footer says ${hash ?? 'none'}`
  })
}

/** The format that a file's last bytes name, without taking them apart; undefined where it does not stand there. */
export function sealedFormat(end: Buffer): number | undefined {
  // Behind the key: the value is field 2, of one to five bytes.
  const [, digits] = /sluice\.format\x18[\x01-\x05](\d+)/.exec(end.toString('latin1')) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** What the footer says; undefined where it says nothing of a lake. */
export function sealOf(footer: Struct): Seal | undefined {
  const pairs = new Map(pairsOf(footer).map((pair) => [textAt(pair, KEY_VALUE.key), textAt(pair, KEY_VALUE.value)]))
  const [lake, format, hash] = [KEYS.lake, KEYS.format, KEYS.hash].map((key) => pairs.get(key))
  return lake === undefined || format === undefined || hash === undefined ? undefined : { lake, format: Number(format), hash }
}

function pairsOf(footer: Struct): Struct[] {
  return footer.has(FILE.keyValues) ? structsAt(footer, FILE.keyValues) : []
}

function textAt(pair: Struct, id: number): string | undefined {
  const value = pair.get(id)?.value
  return Buffer.isBuffer(value) ? value.toString() : undefined
}

/** A footer with these pairs instead of those of the same keys; undefined takes one away. */
function withPairs(footer: Struct, changes: Record<string, string | undefined>): Struct {
  const kept = pairsOf(footer).filter((pair) => !((textAt(pair, KEY_VALUE.key) ?? '') in changes))
  const added = Object.entries(changes).flatMap(([key, value]) =>
    value === undefined ? [] : [struct({ [KEY_VALUE.key]: binary(key), [KEY_VALUE.value]: binary(value) })])
  const field = listField(TYPE.struct, [...kept, ...added])
  return new Map([...footer].filter(([id]) => id !== FILE.keyValues).concat([[FILE.keyValues, field]]).sort(([a], [b]) => a - b))
}

function hashOf(before: number, footer: Struct): string {
  return `crc32:${crc32(encode(footer), before).toString(16).padStart(8, '0')}`
}

/** The footer, its bytes, and where they begin. */
async function footerOf(file: FileHandle, path: string): Promise<{ footer: Struct; raw: Buffer; start: number }> {
  const { size } = await file.stat()
  let end = await read(file, Math.max(0, size - TAIL), Math.min(size, TAIL))
  const length = footerLength(end)
  if (length === undefined || length > size) throw new Error(`expected ${path} to be a Parquet file, got ${size} bytes that end with no footer`)
  if (length > end.length) end = await read(file, size - length, length)
  const raw = end.subarray(end.length - length, end.length - 8)
  return { footer: length === end.length ? readFooter(end) : decode(raw), raw, start: size - length }
}

/** CRC-32 of the first bytes. Files to be sealed are in the page cache: one buffer, and no thread between, take half of the time. */
function checksum(file: FileHandle, length: number): number {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, length))
  let sum = 0
  for (let at = 0; at < length; ) {
    const got = readSync(file.fd, buffer, 0, Math.min(CHUNK, length - at), at)
    if (got === 0) throw new Error(`expected ${length} bytes, got ${at}`)
    sum = crc32(buffer.subarray(0, got), sum)
    at += got
  }
  return sum
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  if (bytesRead < length) throw new Error(`expected ${length} bytes at ${at}, got ${bytesRead}`)
  return buffer
}

async function reading<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    const file = await open(path)
    try {
      return await work(file)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw codeOf(error) === undefined ? error : diskFailure('read', path, error)
  }
}
