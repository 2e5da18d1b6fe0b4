import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from '../crc32.ts'
import { codeOf, messageOf } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import { PRIVATE } from '../lake/private.ts'

/** What a file of private state holds that can be computed again, or why it counts as missing. Neither: there is none. */
export interface Cached<T> {
  content?: T
  problem?: string
}

/** Begins each such file: JSON, whose checksum goes for all that follows it. */
const HEAD = /^\{"checksum":"([0-9a-f]{8})",/

/** The text of a cache. `format` is raised when the same content would mean something else. */
export function formatCache(format: number, content: unknown): string {
  const body = `"format":${format},"content":${JSON.stringify(content)}}\n`
  return `{"checksum":"${hex(crc32(body))}",${body}`
}

/** Trusted only where it is, to the byte, what {@link writeCache} wrote: half a file, or another one, would be wrong numbers. */
export async function readCache<T>(path: string, format: number): Promise<Cached<T>> {
  let bytes
  try {
    bytes = await readFile(path)
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? {} : { problem: `it cannot be read (${codeOf(error) ?? messageOf(error)})` }
  }
  const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES))
  if (!head) return { problem: bytes.length === 0 ? 'it is empty' : 'it does not begin with a checksum' }
  if (hex(crc32(bytes.subarray(HEAD_BYTES))) !== head[1]) return { problem: 'its content does not have its checksum' }
  const whole = JSON.parse(bytes.toString()) as { format: number; content: T }
  return whole.format === format ? { content: whole.content } : { problem: `expected format ${format}, got ${whole.format}` }
}

const HEAD_BYTES = formatCache(0, null).indexOf('"format"')

/** The commit point is the rename. Not synced: what a power failure tears is found by its checksum, and made anew. */
export async function writeCache(path: string, scratch: string, format: number, content: unknown): Promise<void> {
  const written = join(scratch, 'cache.json')
  try {
    await writeFile(written, formatCache(format, content))
  } catch (error) {
    throw diskFailure('write', written, error)
  }
  await putInPlace(written, path)
}

/** Renames a file into a directory that may be missing. What is in the way there is not ours to keep: a directory of its name, or a file of the directory's. */
export async function putInPlace(written: string, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE }).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST' && codeOf(error) !== 'ENOTDIR') throw error
      await rm(dirname(path), { recursive: true, force: true })
      await mkdir(dirname(path), { recursive: true, mode: PRIVATE })
    })
    await rename(written, path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EISDIR' && codeOf(error) !== 'ENOTEMPTY') throw error
      await rm(path, { recursive: true, force: true })
      await rename(written, path)
    })
  } catch (error) {
    throw diskFailure('rename into place', path, error)
  }
}

/** How long a file is, and the checksum of all of it. */
export interface Print {
  bytes: number
  checksum: string
}

export async function printOf(path: string): Promise<Print> {
  let [bytes, sum] = [0, 0]
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    sum = crc32(chunk, sum)
  }
  return { bytes, checksum: hex(sum) }
}

/** Why a file is not the one that was written; undefined where it is. `quick` asks for its size alone. */
export async function damage(path: string, { bytes, checksum }: Print, { quick = false } = {}): Promise<string | undefined> {
  try {
    const size = (await stat(path)).size
    if (size !== bytes) return `expected ${bytes} bytes, got ${size}`
    return quick || (await printOf(path)).checksum === checksum ? undefined : 'its content does not have its checksum'
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'it is missing' : `it cannot be read (${codeOf(error) ?? messageOf(error)})`
  }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0')
}
