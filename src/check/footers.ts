import { setImmediate } from 'node:timers/promises'
import { endOf, TAIL } from '../lake/file-stats.ts'
import type { Struct } from '../lake/footer.ts'
import { CHUNK, COLUMN, encode, FILE, footerLength, readFooter, ROW_GROUP, STATISTICS, structAt, structsAt } from '../lake/footer.ts'
import { FORMAT } from '../lake/format.ts'
import type { Seal } from '../lake/seal.ts'
import { sealOf } from '../lake/seal.ts'
import type { Groups, Rows } from './parquet.ts'

/** What a file's footer says. */
export interface Footer {
  rows: Rows
  groups: Groups
  /** Equal where two files have the same columns. */
  schema: string
  seal: Seal
}

/** Files that are read before others have their turn. */
const AT_ONCE = 50

/**
 * The footers of files that are sealed in today's format and have nothing unusual about them; the others are left out, for DuckDB to say what is
 * wrong with them. DuckDB asked for the same takes ten times as long.
 */
export async function readFooters(paths: readonly string[]): Promise<Map<string, Footer>> {
  const found = new Map<string, Footer>()
  const buffer = Buffer.allocUnsafe(TAIL)
  for (const [n, path] of paths.entries()) {
    const footer = footerOf(path, buffer)
    if (footer) found.set(path, footer)
    if (n % AT_ONCE === AT_ONCE - 1) await setImmediate()
  }
  return found
}

function footerOf(path: string, buffer: Buffer): Footer | undefined {
  try {
    const { size, start, end } = endOf(path, buffer)
    const length = footerLength(end)
    const footer = readFooter(end)
    const seal = sealOf(footer)
    if (length === undefined || !start.equals(end.subarray(-4)) || seal?.format !== FORMAT) return undefined
    // What is decoded to the same may be other bytes.
    if (!encode(footer).equals(end.subarray(end.length - length, end.length - TRAILER))) return undefined
    const rows = { rows: Number(footer.get(FILE.rows)?.value), bytes: size, room: size - length }
    const groups = groupsOf(footer)
    const schema = encode(new Map([[FILE.schema, footer.get(FILE.schema) as NonNullable<ReturnType<Struct['get']>>]])).toString('latin1')
    const usual = rows.rows === groups.rows && groups.end <= rows.room && (groups.rows === 0 || (groups.from !== undefined && groups.to !== undefined))
    return usual ? { rows, groups, schema, seal } : undefined
  } catch {
    return undefined
  }
}

/** Behind the footer: its length and the magic. */
const TRAILER = 8

function groupsOf(footer: Struct): Groups {
  const all: Groups = { rows: 0, end: 0, from: undefined, to: undefined }
  for (const group of structsAt(footer, FILE.rowGroups)) {
    all.rows += Number(group.get(ROW_GROUP.rows)?.value)
    for (const chunk of structsAt(group, ROW_GROUP.columns)) {
      const column = structAt(chunk, CHUNK.column)
      const [compressed, data, dictionary] = [COLUMN.compressed, COLUMN.dataPage, COLUMN.dictionaryPage].map((id) => column.get(id)?.value)
      const start = typeof dictionary === 'bigint' ? Math.min(Number(data), Number(dictionary)) : Number(data)
      const end = start + Number(compressed)
      if (Number.isNaN(end)) throw new Error('expected a column chunk to say where it lies')
      all.end = Math.max(all.end, end)
      const path = column.get(COLUMN.path)?.value
      if (typeof path !== 'object' || !('items' in path) || String(path.items[0]) !== 'event_time') continue
      const statistics = structAt(column, COLUMN.statistics)
      const [from, to] = [STATISTICS.min, STATISTICS.max].map((id) => Number((statistics.get(id)?.value as Buffer).readBigInt64LE()))
      all.from = Math.min(all.from ?? Infinity, from as number)
      all.to = Math.max(all.to ?? -Infinity, to as number)
    }
  }
  return all
}
