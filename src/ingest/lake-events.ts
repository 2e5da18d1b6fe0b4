import { lstat } from 'node:fs/promises'
import { codeOf, Failure, messageOf } from '../failure.ts'
import { list } from '../lake/disk.ts'
import { readExtent } from '../lake/file-stats.ts'
import { filesOfHour } from '../lake/hour.ts'
import type { FileName, Hour } from '../lake/names.ts'
import { formatHour, formatSegment, HOUR_MS } from '../lake/names.ts'
import type { Extent, Span } from '../lake/span.ts'
import type { IdentityTable } from './identity-table.ts'
import { add, createTable, has, reserve } from './identity-table.ts'
import { eachInTurn } from './turns.ts'
import { pendingSegments } from './wal.ts'

/**
 * Gives the identities of the events in these files of the lake, or of those in a span, in any order and some thousands at a time;
 * in the end, the files that this writer cannot read.
 */
export type ReadIdentities = (files: readonly string[], span: Span | undefined, take: (hashes: Uint32Array) => void) => Promise<string[]>

/** The files of some hours. */
export type Listed = ReadonlyMap<Hour, readonly { path: string; name: FileName }[]>

export interface LakeEvents {
  /** Sets 1 in `repeated` for each row whose event is in a final file of the lake that holds events of these spans. */
  markRepeated(hashes: Uint32Array, repeated: Uint8Array, where: { spans: readonly Span[]; listed: Listed; isOurs(name: FileName): boolean }): Promise<void>
}

/** Events in memory at most, in each of two tables: both are 200 MB at the worst, and hold an hour of 1,600 events a second each. */
const CAPACITY = 6_000_000

/** Files of one statement. */
const AT_ONCE = 500

/** Of an hour with more events than a table holds, so many minutes are read at a time. */
const PARTS_OF_HOUR = [30, 20, 15, 10, 5, 2, 1]

/** Hours whose directories are looked for one by one, though there may be none of that date. */
const FEW_HOURS = 48

/** Extents remembered: 100 bytes each. */
const EXTENTS = 200_000

/** A file of the lake, or what it holds of a span. */
interface Piece {
  key: string
  path: string
  hour: Hour
  span: Span | undefined
  rows: number
}

interface Loaded {
  table: IdentityTable
  /** Of pieces. */
  keys: Set<string>
  paths: Map<Hour, Set<string>>
}

function nothing(): Loaded {
  return { table: createTable({ full: 0.75 }), keys: new Set(), paths: new Map() }
}

/** A file that was listed has gone: merged, or dropped. */
class Changed extends Error {}

/** What batches were compared with stays in memory, as far as there is room: whole files, since a merged one has no order of time. */
export function createLakeEvents({ lake, state }: { lake: string; state: string }, read: ReadIdentities, say: (sentence: string) => void): LakeEvents {
  let newer = nothing()
  let older = nothing()
  const extents = new Map<string, Extent>()
  const told = new Set<string>()

  const isLoaded = ({ key }: Piece): boolean => newer.keys.has(key) || older.keys.has(key)

  function tellOnce(what: string, sentence: string): void {
    if (told.has(what)) return
    told.add(what)
    say(sentence)
  }

  /** What is in memory of files that have gone may be in the lake no more. */
  function forgetVanished(listed: Listed): void {
    for (const { paths } of [newer, older]) {
      for (const [hour, known] of paths) {
        const there = listed.get(hour)
        if (!there || [...known].every((path) => there.some((file) => file.path === path))) continue
        newer = nothing()
        older = nothing()
        return
      }
    }
  }

  /** Undefined for a file that cannot be read: it is not in the way of what comes. */
  function extentOf(path: string): Extent | undefined {
    const known = extents.get(path)
    if (known) return known
    try {
      const extent = readExtent(path)
      if (extents.size >= EXTENTS) extents.clear()
      extents.set(path, extent)
      return extent
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw new Changed()
      tellBroken(path, error)
      return undefined
    }
  }

  function tellBroken(path: string, error: unknown): void {
    tellOnce(path, `cannot read ${path} (${messageOf(error)}): events that it may hold are not compared with; see 'sluice fsck'`)
  }

  async function piecesOf(spans: readonly Span[], listed: Listed, isOurs: (name: FileName) => boolean): Promise<Piece[]> {
    const others = [...listed].map(([hour, files]) => [hour, files.filter(({ name }) => !isOurs(name))] as const).filter(([, files]) => files.length > 0)
    if (others.length === 0) return []
    // After the files: the log of a segment is there before its file, and gone once that is final.
    const pending = new Set((await pendingSegments(state)).map(formatSegment))
    const pieces: Piece[] = []
    for (const [hour, files] of others) {
      const whole = { from: hour * HOUR_MS, to: (hour + 1) * HOUR_MS - 1 }
      const wanted = spans.filter((span) => overlap(span, whole))
      const found: Piece[] = []
      for (const { path, name } of files) {
        if (name.segment && pending.has(formatSegment(name.segment))) continue
        const extent = extentOf(path)
        if (extent && wanted.some((span) => overlap(span, extent.span ?? whole))) found.push({ key: path, path, hour, span: undefined, rows: extent.rows })
      }
      pieces.push(...(found.reduce((sum, { rows }) => sum + rows, 0) > CAPACITY ? partsOf(found, hour, wanted) : found))
    }
    return pieces
  }

  async function load(pieces: readonly Piece[]): Promise<void> {
    const [{ span }, paths] = [pieces[0] as Piece, pieces.map(({ path }) => path)]
    try {
      const foreign = await read(paths, span, (hashes) => {
        for (let at = 0; at < hashes.length; at += 2) add(newer.table, hashes[at] as number, hashes[at + 1] as number)
      })
      if (foreign.length > 0) {
        tellOnce('foreign', `cannot compare with ${foreign.length} files of the lake, such as ${foreign[0]}, which DuckDB wrote: events that they hold may come twice`
          + ' until their hour is merged; use --writer duckdb')
      }
    } catch (error) {
      for (const path of paths) if (!(await exists(path))) throw new Changed()
      if (error instanceof Failure || /^(Out of Memory|INTERNAL|FATAL|INTERRUPT|Connection) Error/i.test(messageOf(error))) throw error
      if (paths.length === 1) tellBroken(paths[0] as string, error)
      else {
        const middle = pieces.length >> 1
        await load(pieces.slice(0, middle))
        await load(pieces.slice(middle))
      }
    }
  }

  return {
    async markRepeated(hashes, repeated, { spans, listed, isOurs }) {
      for (let tries = 1; ; tries++) {
        try {
          forgetVanished(listed)
          const pieces = await piecesOf(spans, listed, isOurs)
          if (pieces.length === 0) return
          for (const { table } of [newer, older]) mark(table, hashes, repeated)
          for (const group of groupsOf(pieces.filter((piece) => !isLoaded(piece)))) {
            const rows = group.reduce((sum, piece) => sum + piece.rows, 0)
            if (newer.table.size > 0 && newer.table.size + rows > CAPACITY) {
              older = newer
              newer = nothing()
            }
            reserve(newer.table, rows)
            for (const { hour, path } of group) newer.paths.set(hour, (newer.paths.get(hour) ?? new Set()).add(path))
            await load(group)
            for (const { key } of group) newer.keys.add(key)
            mark(newer.table, hashes, repeated)
          }
          return
        } catch (error) {
          if (!(error instanceof Changed) || tries === 10) throw error
          listed = await listHours(lake, [...listed.keys()])
        }
      }
    },
  }
}

function mark(table: IdentityTable, hashes: Uint32Array, repeated: Uint8Array): void {
  if (table.size === 0) return
  for (let row = 0; row < repeated.length; row++) {
    if (repeated[row] === 0 && has(table, hashes[2 * row] as number, hashes[2 * row + 1] as number)) repeated[row] = 1
  }
}

/** The same files, each as parts of the hour in which an even share of the events is not too many. */
function partsOf(files: readonly Piece[], hour: Hour, wanted: readonly Span[]): Piece[] {
  const rows = files.reduce((sum, piece) => sum + piece.rows, 0)
  const minutes = PARTS_OF_HOUR.find((minutes) => (rows * minutes) / 60 <= CAPACITY / 3) ?? 1
  const parts = Array.from({ length: 60 / minutes }, (_, n) => ({ from: hour * HOUR_MS + n * minutes * 60_000, to: hour * HOUR_MS + (n + 1) * minutes * 60_000 - 1 }))
  return parts
    .filter((part) => wanted.some((span) => overlap(span, part)))
    .flatMap((span) => files.map((file) => ({ ...file, key: `${file.path} ${span.from} ${minutes}`, span, rows: Math.ceil((file.rows * minutes) / 60) })))
}

/** What is read by one statement: of one span, not too many files, and no more events than a table holds. */
function groupsOf(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = []
  let rows = 0
  for (const piece of pieces) {
    const last = groups.at(-1)
    rows += piece.rows
    if (last && last.length < AT_ONCE && last[0]?.span?.from === piece.span?.from && rows <= CAPACITY) last.push(piece)
    else {
      groups.push([piece])
      rows = piece.rows
    }
  }
  return groups
}

function overlap(a: Span, b: Span): boolean {
  return a.from <= b.to && b.from <= a.to
}

/** The hours that spans touch, in order. */
export function hoursOf(spans: readonly Span[]): Hour[] {
  const hours = new Set<Hour>()
  for (const { from, to } of spans) for (let hour = Math.floor(from / HOUR_MS); hour <= Math.floor(to / HOUR_MS); hour++) hours.add(hour)
  return [...hours]
}

export async function listHours(lake: string, hours: readonly Hour[]): Promise<Listed> {
  const dates = hours.length > FEW_HOURS ? new Set(await list(lake)) : undefined
  const wanted = dates ? hours.filter((hour) => dates.has(formatHour(hour).slice(0, 'date=2026-07-04'.length))) : hours
  const listed = new Map<Hour, { path: string; name: FileName }[]>(hours.map((hour) => [hour, []]))
  await eachInTurn(wanted, async (hour) => void listed.set(hour, await filesOfHour(lake, hour)))
  return listed
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false)
}
