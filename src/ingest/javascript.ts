import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Disk } from '../lake/disk.ts'
import { HOUR_MS } from '../lake/names.ts'
import type { Span } from '../lake/span.ts'
import type { Event } from './event.ts'
import { eventReader } from './event.ts'
import { identify } from './identity.ts'
import type { Row } from './parquetjs.ts'
import { parquetFile, readIdentities } from './parquetjs.ts'
import type { Reject } from './reject.ts'
import { segmentLines, textOfLine } from './reject.ts'
import type { Batch, Compression, Convert, Writer } from './writer.ts'

const HOUR_US = BigInt(HOUR_MS) * 1000n

const MINUTE_US = 60_000_000n

/** Lines between two looks at what else there is to do, such as reading stdin. */
const BREATH = 1_000

/** The writer in pure JavaScript, for platforms without a DuckDB binary. It can read files of its own kind only: with those of DuckDB it does not compare. */
export function javascriptWriter(settings: Settings): Writer {
  return {
    lanes: [lane(settings)],
    async readIdentities(files, span, take) {
      const foreign: string[] = []
      for (const path of files) {
        const events = await readIdentities(await readFile(path), span)
        if (events) take(identify(events))
        else foreign.push(path)
      }
      return foreign
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
  return async (segment, { staged, now }) => {
    const read = eventReader({ now, timezone })
    const rejects: Reject[] = []
    const rows: Row[] = []
    const ingestedAt = BigInt(Math.floor(segment.closedAt)) * 1000n
    let line = 0
    for (const raw of await segmentLines(segment)) {
      line++
      const readable = textOfLine(raw, line === 1 && segment.name.sequence === 1)
      const event = 'text' in readable ? read(readable.text) : readable
      if ('reason' in event) rejects.push({ line, ...event, bytes: raw })
      else rows.push({ ...event, ingested_at: ingestedAt })
      if (line % BREATH === 0) await setImmediate()
    }
    return {
      events: rows.length,
      rejects,
      identities: rows.length === 0 ? undefined : { hashes: identify(rows), span: span(rows), minutes: async () => minutesOf(rows) },
      async finish(duplicates) {
        const repeated = new Set(duplicates)
        const kept = rows.filter((_, row) => !repeated.has(row))
        const files: Batch['files'] = []
        for (const [hour, part] of byHour(kept)) {
          const path = `${staged}.${hour}.parquet`
          await disk.write(path, await parquetFile(part, compression), 'stage.write')
          files.push({ hour, path, rows: part.length })
        }
        return { files, newest: kept.length === 0 ? undefined : span(kept).to }
      },
    }
  }
}

function span(events: readonly Event[]): Span {
  let from = Infinity
  let to = -Infinity
  for (const { event_time } of events) {
    const time = Number(event_time / 1000n)
    if (time < from) from = time
    if (time > to) to = time
  }
  return { from, to }
}

function minutesOf(events: readonly Event[]): number[] {
  return [...new Set(events.map(({ event_time }) => Number(event_time / MINUTE_US)))].sort((a, b) => a - b)
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
