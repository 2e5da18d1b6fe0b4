import type { Hour } from '../lake/names.ts'
import { HOUR_MS } from '../lake/names.ts'
import type { Part } from '../lake/snapshot.ts'

/** What one hour's files say about a model, kept. */
export interface Contribution {
  hour: Hour
  /** The file of its rows. */
  rows: string
  /** Ids of the hour's files that it speaks for. */
  own: string[]
  /** Ids of files of other hours that it has looked at: those within the model's window. */
  near: string[]
}

/** What one hour has to say that is not known yet. */
export interface Work {
  hour: Hour
  /** The files whose events are new. */
  fresh: Part[]
  /** Files of this hour and of those within the window, to look at together with the fresh ones. */
  around: Part[]
  /** What it adds to; undefined where the hour is computed anew. */
  base: Contribution | undefined
}

/**
 * Which contributions stand as they are, and what is to be computed. New files add to what their hour has said already: with a model's window,
 * every span of it that holds a new event is looked at. A file that is gone, or another under the same name, takes with it
 * all that was said by looking at it. Pure: of what is known and of what is there.
 */
export function planContributions(known: readonly Contribution[], hours: ReadonlyMap<Hour, readonly Part[]>, window: number | undefined): { kept: Contribution[]; work: Work[] } {
  const present = new Set([...hours.values()].flatMap((parts) => parts.map(({ id }) => id)))
  const byHour = new Map(known.filter(({ own, near }) => [...own, ...near].every((id) => present.has(id))).map((one) => [one.hour, one]))
  const reach = Math.ceil((window ?? 0) / HOUR_MS)
  const kept: Contribution[] = []
  const work: Work[] = []
  for (const [hour, parts] of [...hours].sort(([a], [b]) => a - b)) {
    const base = byHour.get(hour)
    const said = new Set(base?.own)
    const fresh = parts.filter(({ id }) => !said.has(id))
    if (base && fresh.length === 0) kept.push(base)
    else work.push({ hour, fresh, around: reach === 0 ? [...fresh] : within(hours, hour, reach), base })
  }
  return { kept, work }
}

function within(hours: ReadonlyMap<Hour, readonly Part[]>, hour: Hour, reach: number): Part[] {
  const parts: Part[] = []
  for (let other = hour - reach; other <= hour + reach; other++) parts.push(...(hours.get(other) ?? []))
  return parts
}

/** The contribution that some work ends in. */
export function contributionOf({ hour, fresh, around, base }: Work, rows: string): Contribution {
  const own = [...(base?.own ?? []), ...fresh.map(({ id }) => id)]
  const others = new Set([...(base?.near ?? []), ...around.map(({ id }) => id)])
  for (const id of own) others.delete(id)
  return { hour, rows, own, near: [...others] }
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
