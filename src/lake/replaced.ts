import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, messageOf } from '../failure.ts'
import { parseTrash } from './compaction.ts'
import type { Disk } from './disk.ts'
import { currentGeneration, entriesOf, isSymlink } from './hour.ts'
import { formatHour, parseFile } from './names.ts'
import { damageOf } from './seal.ts'

/**
 * `trash/<id>/merged.json`, there as long as the old files of a merge are: which files of the lake stand for them. While one of these is damaged
 * or missing, the old files hold the only copy of its events, and stay.
 */
export interface Replacement {
  outputs: string[]
}

export const REPLACEMENT = 'merged.json'

/** The files of the lake that stand for what is in `trash/<id>` and are damaged or missing: paths below the lake, and what is wrong. */
export async function lostOutputs({ lake, state }: { lake: string; state: string }, id: string): Promise<Map<string, string>> {
  const lost = new Map<string, string>()
  const { hour, generation } = parseTrash(id) ?? {}
  if (hour === undefined || generation === undefined) return lost
  // What a killed run had only begun to build, or to remove, holds the copy of nothing.
  if ((await replacedFiles(state, id)).length === 0) return lost
  const hourDirectory = join(lake, formatHour(hour))
  // A later merge has read them all.
  if ((await currentGeneration(hourDirectory)) > generation) return lost
  const below = `${formatHour(hour)}/${generation}`
  const there = (await isSymlink(join(lake, below))) ? [] : (await entriesOf(join(lake, below))).filter((entry) => entry.isFile()).map(({ name }) => name)
  const outputs = (await readReplacement(state, id)) ?? parts(there, below)
  for (const file of outputs) {
    const reason = there.includes(file) ? await damageOf(join(lake, below, file)).catch((error: unknown) => codeOf(error) ?? messageOf(error)) : 'it is missing'
    if (reason !== undefined) lost.set(`${below}/${file}`, reason)
  }
  return lost
}

/** An earlier version kept no list: at least one there must have been. */
function parts(there: readonly string[], below: string): string[] {
  const found = there.filter((file) => parseFile(`${below}/${file}`)?.part !== undefined)
  return found.length > 0 ? found : ['part-000.parquet']
}

async function readReplacement(state: string, id: string): Promise<string[] | undefined> {
  try {
    const { outputs } = JSON.parse(await readFile(join(state, 'trash', id, REPLACEMENT), 'utf8')) as Replacement
    return Array.isArray(outputs) ? outputs.map(String) : undefined
  } catch {
    return undefined
  }
}

/** Says that nothing of the lake depends on `trash/<id>` any more. */
export async function releaseReplaced(disk: Disk, state: string, id: string): Promise<void> {
  const path = join(state, 'trash', id, REPLACEMENT)
  await disk.write(`${path}.new`, JSON.stringify({ outputs: [] } satisfies Replacement), 'restore.release')
  await disk.sync(`${path}.new`, 'restore.release')
  await disk.rename(`${path}.new`, path, 'restore.release')
  await disk.sync(join(state, 'trash', id), 'restore.release')
}

/** The old files in `trash/<id>`, inputs of the merge and what was carried over. */
export async function replacedFiles(state: string, id: string): Promise<string[]> {
  const directory = join(state, 'trash', id)
  const files: string[] = []
  for (const generation of await entriesOf(directory)) {
    if (!generation.isDirectory() || !/^\d+$/.test(generation.name)) continue
    for (const entry of await entriesOf(join(directory, generation.name))) {
      if (entry.isFile() && entry.name.endsWith('.parquet')) files.push(join(directory, generation.name, entry.name))
    }
  }
  return files.sort()
}
