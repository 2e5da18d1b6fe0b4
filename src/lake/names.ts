/** An hour of event time, UTC: whole hours since 1970. The unit of partitioning. */
export type Hour = number

export const HOUR_MS = 3_600_000

/** One micro-batch: what one writer rolled at one time. Its name sorts by the writer's start, then by order of rolling. */
export interface SegmentName {
  writer: string
  sequence: number
}

/**
 * Where a Parquet file lies below the lake: `date=2026-07-04/hour=14/0/<segment>.parquet` that of one micro-batch,
 * `date=2026-07-04/hour=14/1/part-000.parquet` one that compaction made of several.
 */
export type FileName = { hour: Hour; generation: number } & ({ segment: SegmentName; part?: never } | { part: number; segment?: never })

const WRITER = /^\d{8}T\d{9}Z-[0-9a-z]{6}$/
const SEGMENT = /^(\d{8}T\d{9}Z-[0-9a-z]{6})-(\d{8})$/
const PART = /^part-(\d{3,})$/
const FILE = /^date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\/(\d+)\/([^/]+)\.parquet$/

/** `20260704T143808085Z-k3x9qa`: start time to the millisecond, then `random` in [0, 1) so that writers of one instant differ. */
export function formatWriter(start: number, random: number): string {
  const time = new Date(start).toISOString().replace(/[-:.]/g, '')
  return `${time}-${Math.floor(random * 36 ** 6).toString(36).padStart(6, '0')}`
}

export function isWriter(name: string): boolean {
  return WRITER.test(name)
}

/** The writer whose name this file's name begins with, such as that of a segment: `20260704T143808085Z-k3x9qa-00000001.parquet`. */
export function writerOf(file: string): string | undefined {
  const writer = file.slice(0, '20260704T143808085Z-k3x9qa'.length)
  return isWriter(writer) ? writer : undefined
}

export function formatSegment({ writer, sequence }: SegmentName): string {
  return `${writer}-${String(sequence).padStart(8, '0')}`
}

export function parseSegment(text: string): SegmentName | undefined {
  const match = SEGMENT.exec(text)
  return match ? { writer: match[1] as string, sequence: Number(match[2]) } : undefined
}

/** `date=2026-07-04/hour=14`. */
export function formatHour(hour: Hour): string {
  const iso = new Date(hour * HOUR_MS).toISOString()
  return `date=${iso.slice(0, 10)}/hour=${iso.slice(11, 13)}`
}

export function hourOf(time: Date): Hour {
  return Math.floor(time.getTime() / HOUR_MS)
}

/** Path below the lake, with `/` as separator. */
export function formatFile(name: FileName): string {
  const base = name.segment ? formatSegment(name.segment) : `part-${String(name.part).padStart(3, '0')}`
  return `${formatHour(name.hour)}/${name.generation}/${base}.parquet`
}

/** Inverse of {@link formatFile}: undefined for any path that it would not have written. */
export function parseFile(path: string): FileName | undefined {
  const match = FILE.exec(path)
  if (!match) return undefined
  const base = match[4] as string
  const segment = parseSegment(base)
  const part = PART.exec(base)?.[1]
  const place = { hour: Date.parse(`${match[1]}T${match[2]}:00:00Z`) / HOUR_MS, generation: Number(match[3]) }
  const name = segment ? { ...place, segment } : part ? { ...place, part: Number(part) } : undefined
  return name && Number.isInteger(name.hour) && formatFile(name) === path ? name : undefined
}
