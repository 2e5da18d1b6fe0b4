import type { Stats } from 'node:fs'
import { lstatSync, readdirSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import type { LakeFile } from './compaction.ts'
import type { Hour } from './names.ts'
import { HOUR_MS, parseFile } from './names.ts'

/** The files of the lake at one moment: whoever reads only these sees the same lake from its first query to its last. */
export interface Snapshot {
  lake: string
  /** Sorted, so by time; each begins with `lake`. */
  files: string[]
}

/** Everything in the lake's directory: its members, and what has no name of the lake's. */
export interface Listing extends Snapshot {
  /** Paths below the lake, with `/`, sorted; a directory ends with one. */
  strangers: string[]
}

/** The names of directories of the lake, by their depth. */
const DIRECTORIES = [/^date=\d{4}-\d{2}-\d{2}$/, /^hour=\d{2}$/, /^\d+$/]

const HOUR = /(?:^|\/)date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\/\d+\/[^/]+$/

/** A missing lake is an empty one. */
export async function takeSnapshot(lake: string): Promise<Listing> {
  const found: Listing = { lake, files: [], strangers: [] }
  try {
    for (const date of list(found, '')) {
      within(found, date)
      // Others have their turn between two dates.
      await new Promise((resolve) => setImmediate(resolve))
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTDIR') throw new Failure(`expected ${lake} to be the lake's directory, got a file; give another one by --lake`, EXIT.io)
    throw new Failure(`cannot list the lake ${lake} (${code ?? messageOf(error)}); make every directory in it readable`, EXIT.io)
  }
  found.files.sort()
  found.strangers.sort()
  return found
}

/** What is below a directory of the lake. */
function within(found: Listing, below: string): void {
  for (const directory of list(found, below)) within(found, directory)
}

/**
 * Notes what is directly in a directory, and gives the directories of the lake's names that are in it. Members are regular files under names of the
 * lake's. No symlink is followed, so of an hour that was compacted only the new generation is seen. The types come with the directory's entries
 * (DuckDB asks again by path, and so can lose an hour that is exchanged in between). What vanishes meanwhile was retired, and is left out.
 * 17,520 hours are listed in a third of the time that promises take.
 */
function list(found: Listing, below: string): string[] {
  const depth = below === '' ? 0 : below.split('/').length
  let entries
  try {
    entries = readdirSync(join(found.lake, below), { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || (depth > 0 && codeOf(error) === 'ENOTDIR')) return []
    throw error
  }
  const deeper: string[] = []
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    const named = DIRECTORIES[depth]?.test(entry.name) === true
    if (entry.isFile() && parseFile(path)) found.files.push(join(found.lake, path))
    else if (entry.isDirectory()) {
      if (named) deeper.push(path)
      else if (!isEmpty(join(found.lake, path))) found.strangers.push(`${path}/`)
      // Dates that were dropped, and generations that were compacted away.
    } else if (!(entry.isSymbolicLink() && named && depth !== 1)) found.strangers.push(path)
  }
  return deeper
}

/** One that is empty, or gone, is in nobody's way. */
function isEmpty(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
}

/** `3 strangers in the lake, ignored: .DS_Store, notes/, README, …`; empty where there is none. */
export function describeStrangers(strangers: readonly string[]): string {
  if (strangers.length === 0) return ''
  const names = strangers.slice(0, 3).join(', ') + (strangers.length > 3 ? ', …' : '')
  return `${strangers.length} ${strangers.length === 1 ? 'stranger' : 'strangers'} in the lake, ignored: ${names}`
}

/** A file of the lake as it is now. `id` is another one when the file was replaced under its path. */
export interface Part {
  path: string
  bytes: number
  /** When it was written, ms. */
  modified: number
  id: string
  /** It is of the layout `record` (`format.ts`). */
  record?: true
}

/** What vanished since it was listed was retired, and is left out. */
export async function partsOf({ lake, files }: Snapshot): Promise<Part[]> {
  const parts: Part[] = []
  for (const [n, path] of files.entries()) {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats) parts.push(part(lake, path, stats))
    if (n % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve))
  }
  return parts
}

/** Files that are looked at before others have their turn. */
const AT_ONCE = 200

/** The same by their paths below the lake. */
export function lakeFiles(lake: string, parts: readonly Part[]): LakeFile[] {
  return parts.map(({ path, bytes, modified }) => ({ path: below(lake, path), bytes, modified }))
}

/** Files by hour. */
export function partsByHour(parts: readonly Part[]): Map<Hour, Part[]> {
  const hours = new Map<Hour, Part[]>()
  for (const part of parts) {
    const [, date, hour] = HOUR.exec(part.path) as unknown as [string, string, string]
    const key = Date.parse(`${date}T${hour}:00:00Z`) / HOUR_MS
    const found = hours.get(key)
    if (found) found.push(part)
    else hours.set(key, [part])
  }
  return hours
}

export async function partOf(lake: string, path: string): Promise<Part> {
  return part(lake, path, await lstat(path))
}

function part(lake: string, path: string, { size, mtimeMs }: Stats): Part {
  return { path, bytes: size, modified: mtimeMs, id: `${below(lake, path)} ${size} ${mtimeMs}` }
}

/** Of a path that was made by joining it to the lake's. */
function below(lake: string, path: string): string {
  return path.slice(join(lake, 'x').length - 1).replaceAll(sep, '/')
}

/** The files that can hold the newest event: those of the last hour. */
export function newestFiles({ files }: Snapshot): string[] {
  const last = files.reduce((max, file) => (hourOfPath(file) > max ? hourOfPath(file) : max), '')
  return files.filter((file) => hourOfPath(file) === last)
}

/** `2026-07-04 14` of a member. */
export function hourOfPath(file: string): string {
  return HOUR.exec(file)?.slice(1).join(' ') as string
}

/** The same of a time, ms. */
export function hourOfTime(time: number): string {
  return new Date(time).toISOString().slice(0, 13).replace('T', ' ')
}
