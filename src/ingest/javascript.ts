import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Disk } from '../lake/disk.ts'
import { HOUR_MS } from '../lake/names.ts'
import type { Event } from './event.ts'
import { eventReader } from './event.ts'
import type { Identified } from './identity.ts'
import { identify } from './identity.ts'
import type { Row } from './parquetjs.ts'
import { parquetFile, readIdentities } from './parquetjs.ts'
import type { Identities } from './recent.ts'
import type { Reject } from './reject.ts'
import { segmentLines, textOfLine } from './reject.ts'
import type { Batch, Compression, Convert, Writer } from './writer.ts'

const HOUR_US = BigInt(HOUR_MS) * 1000n

/** Lines between two looks at what else there is to do, such as reading stdin. */
const BREATH = 1_000

/** The writer in pure JavaScript, for platforms without a DuckDB binary. It knows of events in files of its own kind only. */
export function javascriptWriter(settings: Settings): Writer {
  return {
    lanes: [lane(settings)],
    async known(files, from) {
      const events: Identified[] = []
      for (const file of files) for (const event of await readIdentities(await readFile(file), BigInt(from) * 1000n)) events.push(event)
      return identities(events)
    },
    async close() {},
  }
}

interface Settings {
  compression: Exclude<Compression, 'zstd'>
  timezone: string
  disk: Pick<Disk, 'write'>
}

function lane({ compression, timezone, disk }: Settings): Convert {
  return async (segment, { staged, now, admit }) => {
    const read = eventReader({ now, timezone })
    const rejects: Reject[] = []
    const rows: Row[] = []
    const ingestedAt = BigInt(Math.floor(segment.closedAt)) * 1000n
    let line = 0
    for (const raw of await segmentLines(segment)) {
      line++
      const readable = textOfLine(raw, line === 1 && segment.name.sequence === 1)
      const event = 'text' in readable ? read(readable.text) : readable.reason
      if (typeof event === 'string') rejects.push({ line, reason: event, bytes: raw })
      else rows.push({ ...event, ingested_at: ingestedAt })
      if (line % BREATH === 0) await setImmediate()
    }
    const repeated = new Set(rows.length === 0 ? [] : await admit({ ...identities(rows), ...span(rows) }))
    const kept = rows.filter((_, row) => !repeated.has(row))
    const files: Batch['files'] = []
    for (const [hour, part] of byHour(kept)) {
      const path = `${staged}.${hour}.parquet`
      await disk.write(path, await parquetFile(part, compression), 'stage.write')
      files.push({ hour, path, rows: part.length })
    }
    return { files, events: rows.length, repeated: repeated.size, rejects, newest: kept.length === 0 ? undefined : span(kept).to }
  }
}

function identities(events: readonly Identified[]): Pick<Identities, 'low' | 'high'> {
  const into = { low: new Uint32Array(events.length), high: new Uint32Array(events.length) }
  for (const [row, event] of events.entries()) identify(event, row, into)
  return into
}

function span(events: readonly Event[]): { from: number; to: number } {
  let from = Infinity
  let to = -Infinity
  for (const { event_time } of events) {
    const time = Number(event_time / 1000n)
    if (time < from) from = time
    if (time > to) to = time
  }
  return { from, to }
}

function byHour(rows: readonly Row[]): [hour: number, rows: Row[]][] {
  const hours = new Map<number, Row[]>()
  for (const row of rows) {
    const hour = Number(row.event_time / HOUR_US)
    const part = hours.get(hour)
    if (part) part.push(row)
    else hours.set(hour, [row])
  }
  return [...hours].sort(([a], [b]) => a - b)
}
