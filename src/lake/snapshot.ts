import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import type { Hour } from './names.ts'
import { HOUR_MS } from './names.ts'

/** The files of the lake at one moment: whoever reads only these sees the same lake from its first query to its last. */
export interface Snapshot {
  lake: string
  /** Sorted, so by time; each begins with `lake`. */
  files: string[]
}

const HOUR = /(?:^|\/)date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\//

/** A missing lake is an empty one. */
export async function takeSnapshot(lake: string): Promise<Snapshot> {
  const files: string[] = []
  try {
    await list(lake, files)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTDIR') throw new Failure(`expected ${lake} to be the lake's directory, got a file; give another one by --lake`, EXIT.io)
    throw new Failure(`cannot list the lake ${lake} (${code ?? messageOf(error)}); make every directory in it readable`, EXIT.io)
  }
  return { lake, files: files.sort() }
}

/**
 * What DuckDB's `lake/**` matches: every regular file, whatever its name; no symlink is a match or is followed, so of an hour that
 * was compacted only the new generation is seen. The types come with the directory's entries (DuckDB asks again by path,
 * and so can lose an hour that is exchanged in between). What vanishes meanwhile was retired, and is left out.
 */
async function list(directory: string, files: string[], depth = 0): Promise<void> {
  let entries
  try {
    entries = await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || (depth > 0 && codeOf(error) === 'ENOTDIR')) return
    throw error
  }
  for (const entry of entries) {
    if (entry.isFile()) files.push(join(directory, entry.name))
  }
  await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => list(join(directory, entry.name), files, depth + 1)))
}

/** A file of the lake as it is now. `id` is another one when the file was replaced under its path. */
export interface Part {
  path: string
  bytes: number
  id: string
}

export async function partsOf({ lake, files }: Snapshot): Promise<Part[]> {
  return Promise.all(files.map((path) => partOf(lake, path)))
}

/** Files by hour; undefined where one lies outside the partitions, since nobody knows of what hours it tells. */
export function partsByHour(parts: readonly Part[]): Map<Hour, Part[]> | undefined {
  const hours = new Map<Hour, Part[]>()
  for (const part of parts) {
    const [, date, hour] = HOUR.exec(part.path) ?? []
    if (date === undefined) return undefined
    const key = Date.parse(`${date}T${hour}:00:00Z`) / HOUR_MS
    const found = hours.get(key)
    if (found) found.push(part)
    else hours.set(key, [part])
  }
  return hours
}

export async function partOf(lake: string, path: string): Promise<Part> {
  const { size, mtimeMs } = await stat(path)
  return { path, bytes: size, id: `${relative(lake, path).split(sep).join('/')} ${size} ${mtimeMs}` }
}

/** The files that can hold the newest event: those of the last hour, and any outside the partitions. */
export function newestFiles({ files }: Snapshot): string[] {
  const last = files.reduce((max, file) => (hourOfPath(file) ?? '') > max ? (hourOfPath(file) as string) : max, '')
  return files.filter((file) => (hourOfPath(file) ?? last) === last)
}

/** `2026-07-04 14` of a file in a partition. */
export function hourOfPath(file: string): string | undefined {
  return HOUR.exec(file)?.slice(1).join(' ')
}

/** The same of a time, ms. */
export function hourOfTime(time: number): string {
  return new Date(time).toISOString().slice(0, 13).replace('T', ' ')
}
