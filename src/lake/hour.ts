import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../failure.ts'
import { diskFailure, list } from './disk.ts'
import type { FileName, Hour } from './names.ts'
import { formatHour, parseFile } from './names.ts'

/** Highest generation of an hour that is a real directory: symlinks stand for generations that were compacted away. */
export async function currentGeneration(hourDirectory: string): Promise<number> {
  try {
    const entries = await readdir(hourDirectory, { withFileTypes: true })
    return Math.max(0, ...entries.filter((entry) => entry.isDirectory()).map((entry) => Number(entry.name)).filter(Number.isInteger))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0
    throw diskFailure('read directory', hourDirectory, error)
  }
}

/** The files of one hour, oldest writer first. */
export async function filesOfHour(lake: string, hour: Hour): Promise<{ path: string; name: FileName }[]> {
  const generation = join(formatHour(hour), String(await currentGeneration(join(lake, formatHour(hour)))))
  return (await list(join(lake, generation))).flatMap((file) => {
    const name = parseFile(`${generation}/${file}`)
    return name ? [{ path: join(lake, generation, file), name }] : []
  })
}
