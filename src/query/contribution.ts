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
 * Hours of a date that nothing is known of are computed together, up to so many bytes: a history of 480 hours in 0.1 of the time.
 * What is computed together is computed anew together, when a file of it is gone.
 */
const TOGETHER = 256e6

/**
 * Which contributions stand as they are, and what is to be computed. New files add to what their hour has said already: with a model's window,
 * every span of it that holds a new event is looked at. A file that is gone, or another under the same name, takes with it
 * all that was said by looking at it. An hour with a damaged file stays by itself. Pure: of what is known and of what is there.
 */
export function planContributions(
  known: readonly Contribution[],
  hours: ReadonlyMap<Hour, readonly Part[]>,
  window: number | undefined,
  damaged: ReadonlyMap<string, string> = new Map(),
): { kept: Contribution[]; work: Work[] } {
  const present = new Set([...hours.values()].flatMap((parts) => parts.map(({ id }) => id)))
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
  const groups = [...together(left.filter((entry) => !isDamaged(entry))), ...left.filter(isDamaged).map((entry) => [entry])]
  return { kept, work: [...work, ...groups.map((group) => workOf(group.map(([hour]) => hour), group.flatMap(([, parts]) => parts)))] }
}

type Files = [Hour, readonly Part[]]

/** Groups of hours of one date each. */
function together(files: Files[]): Files[][] {
  const groups: Files[][] = []
  let bytes = 0
  for (const entry of files.sort(([a], [b]) => a - b)) {
    const size = entry[1].reduce((sum, part) => sum + part.bytes, 0)
    const last = groups.at(-1)
    if (last && dateOf((last[0] as Files)[0]) === dateOf(entry[0]) && bytes + size <= TOGETHER) {
      last.push(entry)
      bytes += size
    } else {
      groups.push([entry])
      bytes = size
    }
  }
  return groups
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
 * Contributions that are kept as one from now on: those of the hours of a date before yesterday's. A run opens the rows of all of them, and what
 * they cost grows with their number: the sums of 720 hours take 66 ms for one model, those of 30 dates 16.
 * Hours that have looked at another date's files stay by themselves, so that retention, which takes whole dates, leaves nothing of a date to compute anew
 * but its first hour.
 */
export function planMerges(known: readonly Contribution[]): Contribution[][] {
  const dates = new Map<number, Contribution[]>()
  for (const one of known) {
    const date = dateOf(one.hours[0] as Hour)
    dates.set(date, [...(dates.get(date) ?? []), one])
  }
  const yesterday = Math.max(...dates.keys()) - 1
  const past = [...dates].filter(([date]) => date < yesterday).map(([, ofDate]) => {
    const own = new Set(ofDate.flatMap((one) => one.own))
    return ofDate.filter(({ near }) => near.every((id) => own.has(id)))
  })
  return past.filter((group) => group.length > 1)
}

/** Contributions of one date as one, whose rows are all of theirs together. */
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
