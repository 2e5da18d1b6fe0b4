import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Struct } from './footer.ts'
import { ELEMENT, FILE, footerLength, readFooter, structsAt } from './footer.ts'
import { FORMAT } from './format.ts'
import { EVENTS } from './schema.ts'
import { sealOf } from './seal.ts'
import type { Extent } from './span.ts'
import { extentOf } from './span.ts'

/** What a file of the lake holds: rows, and the time of the newest event, ms; null where there is none. */
export interface FileStats {
  rows: number
  newest: number | null
}

/** Of a file's end so much is read at first: the footer of a file of one row group has 3 KB. */
export const TAIL = 16_384

/** Files that are read before others have their turn. */
const AT_ONCE = 50

/**
 * What files say by their footers alone, of those that are of today's format, have its columns, and tell the times of all their row groups; the
 * others are left out. A twentieth of what DuckDB takes to open them: 17,520 files in 1.5 s.
 */
export async function fileStats(paths: readonly string[]): Promise<Map<string, FileStats>> {
  const found = new Map<string, FileStats>()
  const buffer = Buffer.allocUnsafe(TAIL)
  for (const [n, path] of paths.entries()) {
    const stats = statsOf(path, buffer)
    if (stats) found.set(path, stats)
    if (n % AT_ONCE === AT_ONCE - 1) await setImmediate()
  }
  return found
}

/** Throws where the file cannot be read, or ends with no footer. */
export function readExtent(path: string): Extent {
  return extentOf(readFooter(endOf(path, Buffer.allocUnsafe(TAIL)).end))
}

function statsOf(path: string, buffer: Buffer): FileStats | undefined {
  try {
    const footer = readFooter(endOf(path, buffer).end)
    const { rows, span } = extentOf(footer)
    if (!span || !Number.isSafeInteger(rows) || rows < 0 || sealOf(footer)?.format !== FORMAT || !hasColumns(footer)) return undefined
    return { rows, newest: rows === 0 ? null : span.to }
  } catch {
    // Whoever opens it by other means says why.
    return undefined
  }
}

/** The first bytes of a file, and its last ones with the whole footer; `buffer` is used where they fit. */
export function endOf(path: string, buffer: Buffer): { size: number; start: Buffer; end: Buffer } {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const start = Buffer.allocUnsafe(4)
    readSync(file, start, 0, 4, 0)
    const tail = (into: Buffer): Buffer => into.subarray(0, readSync(file, into, 0, into.length, size - into.length))
    const end = tail(buffer.subarray(0, Math.min(size, buffer.length)))
    const length = footerLength(end) ?? 0
    return { size, start, end: length <= end.length ? end : tail(Buffer.allocUnsafe(Math.min(length, size))) }
  } finally {
    closeSync(file)
  }
}

function hasColumns(footer: Struct): boolean {
  const names = new Set(structsAt(footer, FILE.schema).map((element) => String(element.get(ELEMENT.name)?.value)))
  return Object.keys(EVENTS).every((name) => names.has(name))
}
