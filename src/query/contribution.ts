import type { Hour } from '../lake/names.ts'
import { HOUR_MS } from '../lake/names.ts'
import type { Part } from '../lake/snapshot.ts'
import type { Print } from './cache.ts'

/** The file of a contribution's rows. */
export interface Stored extends Print {
  /** Its name. */
  rows: string
}

/** What the files of some hours, mostly of one, say about a model, kept. */
export interface Contribution extends Stored {
  hours: Hour[]
  /** Ids of the hours' files, all of which it speaks for. */
  own: string[]
  /** Ids of files of other hours that it has looked at: those within the model's window. */
  near: string[]
}

/** What some hours have to say that is not known yet. */
export interface Work {
  hours: Hour[]
  /** The files whose events are new. */
  fresh: Part[]
  /** The files to look at: the fresh ones, and with a window all of these hours and of those within it. */
  around: Part[]
  /** What it adds to; undefined where the hours are computed anew. */
  base: Contribution | undefined
}

/**
 * What is kept as one, and computed together, covers hours of one date, and of several dates that are past where all of it is no more than this:
 * what is kept as one is computed anew as one when a file of it is gone, as retention makes it. A run opens the rows of all contributions: the sums
 * of 720 hours take 66 ms for one model, those of 30 dates 16.
 */
const TOGETHER = { bytes: 256e6, files: 2000 }

/**
 * Which contributions stand as they are, and what is to be computed. New files add to what their hour has said already: with a model's window,
 * every span of it that holds a new event is looked at. A file that is gone, or another under the same name, takes with it
 * all that was said by looking at it. An hour with a damaged file stays by itself. `recent` is the first hour of those that files still come to.
 * Pure: of what is known and of what is there.
 */
export function planContributions(
  known: readonly Contribution[],
  hours: ReadonlyMap<Hour, readonly Part[]>,
  { window, recent, damaged = new Map() }: { window: number | undefined; recent: Hour; damaged?: ReadonlyMap<string, string> },
): { kept: Contribution[]; work: Work[] } {
  const present = partsById(hours)
  const reach = Math.ceil((window ?? 0) / HOUR_MS)
  const workOf = (of: Hour[], fresh: Part[], base?: Contribution): Work => ({ hours: of, fresh, around: window === undefined ? fresh : around(hours, of, reach), base })
  const kept: Contribution[] = []
  const work: Work[] = []
  for (const base of known.filter(({ own, near }) => [...own, ...near].every((id) => present.has(id)))) {
    const said = new Set(base.own)
    const fresh = base.hours.flatMap((hour) => (hours.get(hour) ?? []).filter(({ id }) => !said.has(id)))
    if (fresh.length === 0) kept.push(base)
    else work.push(workOf(base.hours, fresh, base))
  }
  const covered = new Set([...kept, ...work].flatMap((one) => one.hours))
  const left = [...hours].filter(([hour]) => !covered.has(hour))
  const isDamaged = ([, parts]: Files): boolean => parts.some(({ path }) => damaged.has(path))
  const groups = [...together(left.filter((entry) => !isDamaged(entry)), recent), ...left.filter(isDamaged).map((entry) => [entry])]
  return { kept, work: [...work, ...groups.map((group) => workOf(group.map(([hour]) => hour), group.flatMap(([, parts]) => parts)))] }
}

const byId = new WeakMap<object, ReadonlyMap<string, Part>>()

/** The files of a lake by their ids, once for all models. */
function partsById(hours: ReadonlyMap<Hour, readonly Part[]>): ReadonlyMap<string, Part> {
  const known = byId.get(hours)
  if (known) return known
  const found = new Map<string, Part>()
  for (const parts of hours.values()) for (const part of parts) found.set(part.id, part)
  byId.set(hours, found)
  return found
}

type Files = [Hour, readonly Part[]]

/** Groups of hours: of one date each, or of whole dates that are past. */
function together(files: Files[], recent: Hour): Files[][] {
  const groups: Files[][] = []
  let open: Size | undefined
  for (const ofDate of ofDates(files.sort(([a], [b]) => a - b))) {
    const chunks = ofBytes(ofDate)
    const size = chunks.length === 1 && (ofDate[0] as Files)[0] < recent ? sizeOf(ofDate.flatMap(([, parts]) => parts)) : undefined
    const more = open && size && sum(open, size)
    if (more && isLittle(more)) groups.at(-1)?.push(...ofDate)
    else groups.push(...chunks)
    open = more && isLittle(more) ? more : size
  }
  return groups
}

function ofDates(files: readonly Files[]): Files[][] {
  const dates = new Map<number, Files[]>()
  for (const entry of files) {
    const date = dateOf(entry[0])
    const found = dates.get(date)
    if (found) found.push(entry)
    else dates.set(date, [entry])
  }
  return [...dates.values()]
}

/** Hours of one date, as many as are computed at once. */
function ofBytes(ofDate: readonly Files[]): Files[][] {
  const chunks: Files[][] = []
  let bytes = Infinity
  for (const entry of ofDate) {
    const size = sizeOf(entry[1]).bytes
    bytes += size
    if (bytes <= TOGETHER.bytes) chunks.at(-1)?.push(entry)
    else {
      chunks.push([entry])
      bytes = size
    }
  }
  return chunks
}

interface Size {
  bytes: number
  files: number
}

function sizeOf(parts: readonly Part[]): Size {
  return { bytes: parts.reduce((bytes, part) => bytes + part.bytes, 0), files: parts.length }
}

function sum(a: Size, b: Size): Size {
  return { bytes: a.bytes + b.bytes, files: a.files + b.files }
}

function isLittle({ bytes, files }: Size): boolean {
  return bytes <= TOGETHER.bytes && files <= TOGETHER.files
}

function around(hours: ReadonlyMap<Hour, readonly Part[]>, of: readonly Hour[], reach: number): Part[] {
  const near = new Set(of.flatMap((hour) => Array.from({ length: 2 * reach + 1 }, (_, n) => hour - reach + n)))
  return [...near].flatMap((hour) => hours.get(hour) ?? [])
}

/** The contribution that some work ends in. */
export function contributionOf({ hours, fresh, around, base }: Work, stored: Stored): Contribution {
  const own = [...(base?.own ?? []), ...fresh.map(({ id }) => id)]
  const others = new Set([...(base?.near ?? []), ...around.map(({ id }) => id)])
  for (const id of own) others.delete(id)
  return { hours, ...stored, own, near: [...others] }
}

/** Hours of a day. */
const DAY = 24

/**
 * Contributions that are kept as one from now on: those of each past date, and of past dates next to each other as far as they are little together.
 * Hours that have looked at files outside stay by themselves, so that retention, which takes whole dates, leaves nothing of what is kept as one
 * to compute anew but its first hour.
 */
export function planMerges(known: readonly Contribution[], hours: ReadonlyMap<Hour, readonly Part[]>, recent: Hour): Contribution[][] {
  const parts = partsById(hours)
  const groups: { date: number; size: Size; of: Contribution[] }[] = []
  for (const one of known.filter(({ hours }) => (hours.at(-1) as Hour) < recent).sort((a, b) => (a.hours[0] as Hour) - (b.hours[0] as Hour))) {
    const date = dateOf(one.hours[0] as Hour)
    const size = sizeOf(one.own.flatMap((id) => parts.get(id) ?? []))
    const last = groups.at(-1)
    if (last?.date === date) Object.assign(last, { size: sum(last.size, size), of: [...last.of, one] })
    else groups.push({ date, size, of: [one] })
  }
  const runs: { size: Size; of: Contribution[] }[] = []
  for (const { size, of } of groups) {
    const last = runs.at(-1)
    const more = last && sum(last.size, size)
    if (last && more && isLittle(more)) Object.assign(last, { size: more, of: [...last.of, ...of] })
    else runs.push({ size, of })
  }
  return runs.map(({ of }) => {
    const own = new Set(of.flatMap((one) => one.own))
    return of.filter(({ near }) => near.every((id) => own.has(id)))
  }).filter((group) => group.length > 1)
}

/** The first hour of yesterday, by the newest event: files still come to hours from there on. An event ahead of the clock makes nothing past. */
export function recentFrom(hours: ReadonlyMap<Hour, unknown>, now: number): Hour {
  let newest = -Infinity
  for (const hour of hours.keys()) newest = Math.max(newest, hour)
  return (dateOf(Math.min(newest, Math.floor(now / HOUR_MS))) - 1) * DAY
}

/** Several contributions as one, whose rows are all of theirs together. */
export function mergedOf(group: readonly Contribution[], stored: Stored): Contribution {
  const own = new Set(group.flatMap((one) => one.own))
  const near = new Set(group.flatMap((one) => one.near).filter((id) => !own.has(id)))
  return { hours: group.flatMap(({ hours }) => hours).sort((a, b) => a - b), ...stored, own: [...own], near: [...near] }
}

function dateOf(hour: Hour): number {
  return Math.floor(hour / DAY)
}

/** Files that became others with the same events in them, by compaction: what was said by looking at the old ones goes for the new ones. */
export interface Replaced {
  before: readonly string[]
  after: readonly string[]
}

export function replaceParts(known: readonly Contribution[], replaced: readonly Replaced[]): Contribution[] {
  const inOne = (one: Contribution, { before, after }: Replaced): Contribution => {
    const old = new Set(before)
    const rest = (ids: string[]): string[] => [...ids.filter((id) => !old.has(id)), ...after]
    return {
      ...one,
      // Who speaks for some of them only would take the others' events for known too.
      own: before.every((id) => one.own.includes(id)) ? rest(one.own) : one.own,
      near: before.some((id) => one.near.includes(id)) ? rest(one.near) : one.near,
    }
  }
  return known.map((one) => replaced.reduce(inOne, one))
}
