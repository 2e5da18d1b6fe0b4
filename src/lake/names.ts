import { Failure } from '../failure.ts'

/** An hour of event time, UTC: whole hours since 1970. The unit of partitioning. */
export type Hour = number

export const HOUR_MS = 3_600_000

/** One micro-batch: what one writer rolled at one time. Its name sorts by the writer's start, then by order of rolling. */
export interface SegmentName {
  writer: string
  sequence: number
}

/** Where one Parquet file of a micro-batch lies: `date=2026-07-04/hour=14/0/<segment>.parquet` below the lake. */
export interface FileName {
  hour: Hour
  generation: number
  segment: SegmentName
}

const WRITER = /^\d{8}T\d{9}Z-[0-9a-z]{6}$/
const SEGMENT = /^(\d{8}T\d{9}Z-[0-9a-z]{6})-(\d{8})$/
const FILE = /^date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\/(\d+)\/([^/]+)\.parquet$/

/** `20260704T143808085Z-k3x9qa`: start time to the millisecond, then `random` in [0, 1) so that writers of one instant differ. */
export function formatWriter(start: number, random: number): string {
  const time = new Date(start).toISOString().replace(/[-:.]/g, '')
  return `${time}-${Math.floor(random * 36 ** 6).toString(36).padStart(6, '0')}`
}

export function isWriter(name: string): boolean {
  return WRITER.test(name)
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
export function formatFile({ hour, generation, segment }: FileName): string {
  return `${formatHour(hour)}/${generation}/${formatSegment(segment)}.parquet`
}

/** Inverse of {@link formatFile}: undefined for any path that it would not have written. */
export function parseFile(path: string): FileName | undefined {
  const match = FILE.exec(path)
  const segment = parseSegment(match?.[4] ?? '')
  if (!match || !segment) return undefined
  const name: FileName = { hour: Date.parse(`${match[1]}T${match[2]}:00:00Z`) / HOUR_MS, generation: Number(match[3]), segment }
  return Number.isInteger(name.hour) && formatFile(name) === path ? name : undefined
}

/** Writer and sequence of a path that must be a segment's. */
export function segmentOf(text: string): SegmentName {
  const segment = parseSegment(text)
  if (!segment) throw new Failure(`expected a segment name such as 20260704T143808085Z-k3x9qa-00000001, got \`${text}\``)
  return segment
}
