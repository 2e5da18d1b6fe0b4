import type { Struct } from './footer.ts'
import { CHUNK, COLUMN, FILE, ROW_GROUP, STATISTICS, structAt, structsAt } from './footer.ts'

/** A span of event time, ms, both ends included. */
export interface Span {
  from: number
  to: number
}

/** What a file of the lake holds, by its footer. The span is undefined where the statistics do not give it. */
export interface Extent {
  rows: number
  span: Span | undefined
  /** What wrote it. */
  creator: string
}

export function extentOf(footer: Struct): Extent {
  const groups = structsAt(footer, FILE.rowGroups).map(timesOf)
  const known = groups.filter((times) => times !== undefined)
  const from = known.reduce((min, { from }) => (from < min ? from : min), Infinity)
  const to = known.reduce((max, { to }) => (to > max ? to : max), -Infinity)
  return {
    rows: Number(footer.get(FILE.rows)?.value),
    span: known.length === groups.length ? { from, to } : undefined,
    creator: String(footer.get(FILE.createdBy)?.value ?? ''),
  }
}

function timesOf(group: Struct): Span | undefined {
  for (const chunk of structsAt(group, ROW_GROUP.columns)) {
    const column = structAt(chunk, CHUNK.column)
    const path = column.get(COLUMN.path)?.value
    if (typeof path !== 'object' || !('items' in path) || String(path.items[0]) !== 'event_time') continue
    const statistics = column.get(COLUMN.statistics)?.value
    if (!(statistics instanceof Map)) return undefined
    const [from, to] = [STATISTICS.min, STATISTICS.max].map((id) => statistics.get(id)?.value)
    if (!Buffer.isBuffer(from) || !Buffer.isBuffer(to) || from.length !== 8 || to.length !== 8) return undefined
    return { from: Number(from.readBigInt64LE() / 1000n), to: Number(to.readBigInt64LE() / 1000n) }
  }
  return undefined
}
