import type { Dirent } from 'node:fs'
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../failure.ts'
import { diskFailure } from './disk.ts'
import type { FileName, Hour } from './names.ts'
import { formatHour, parseFile } from './names.ts'

/**
 * The generation that an hour's files are in: the highest one. Symlinks stand for generations that were compacted away, and nothing is ever
 * put behind one: where no directory is above them all, as when its only file was damaged and taken away, it is the next.
 */
export async function currentGeneration(hourDirectory: string): Promise<number> {
  const generations = (await entriesOf(hourDirectory)).filter(({ name }) => /^\d+$/.test(name))
  const highest = (of: Dirent[]): number => Math.max(-1, ...of.map(({ name }) => Number(name)))
  const [directory, symlink] = [highest(generations.filter((entry) => entry.isDirectory())), highest(generations.filter((entry) => entry.isSymbolicLink()))]
  return Math.max(directory, symlink + 1, 0)
}

/** The files of one hour, oldest writer first. */
export async function filesOfHour(lake: string, hour: Hour): Promise<{ path: string; name: FileName }[]> {
  const [date = ''] = formatHour(hour).split('/')
  // A date that was dropped is a symlink to its files for a while.
  if (await isSymlink(join(lake, date)) || await isSymlink(join(lake, formatHour(hour)))) return []
  const generation = join(formatHour(hour), String(await currentGeneration(join(lake, formatHour(hour)))))
  const files = (await entriesOf(join(lake, generation))).filter((entry) => entry.isFile()).map(({ name }) => name)
  return files.sort().flatMap((file) => {
    const name = parseFile(`${generation}/${file}`)
    return name ? [{ path: join(lake, generation, file), name }] : []
  })
}

// At once: handed to a thread these take ten times as long.

export async function isSymlink(path: string): Promise<boolean> {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  } catch {
    return false
  }
}

/** What is in a directory; nothing where there is none. */
export async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw diskFailure('read directory', directory, error)
  }
}
