import { lstat, readlink, realpath } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { Failure } from '../failure.ts'
import { parseTrash } from './compaction.ts'
import type { Disk } from './disk.ts'
import { list } from './disk.ts'
import { entriesOf } from './hour.ts'
import type { Hour } from './names.ts'
import { formatHour } from './names.ts'
import { PASSABLE } from './private.ts'
import type { Step } from './steps.ts'
import { lostOutputs, REPLACEMENT } from './replaced.ts'
import { endSwap } from './swap.ts'

export interface LakePlace {
  lake: string
  state: string
  /** Of the lake. */
  id: string
  disk: Disk
  now: () => number
}

/** `trash/<id>.json`, there from before the exchange of an hour until nothing is left to carry over. */
export interface Note {
  /** The old generation. */
  generation: number
  /** Which of its files the merge has taken in: anything else goes on as it is. */
  inputs: string[]
  /** The merged files. */
  outputs: string[]
}

/** What compactions and retentions of killed runs became, by their ids, and what was past its grace. */
export interface Swept {
  finished: string[]
  undone: string[]
  emptied: string[]
  /** What is past its grace and stays, since the lake needs it, and why: a sentence each. */
  kept: string[]
}

/** Hours and dates (as `date=2026-07-04`) whose old files wait for the end of their grace, or that a killed run has not finished with. */
export async function busyPlaces(state: string): Promise<{ hours: Set<Hour>; dates: Set<string> }> {
  const names = (await list(join(state, 'trash'))).flatMap((id) => parseTrash(id) ?? [])
  return { hours: new Set(names.flatMap(({ hour }) => hour ?? [])), dates: new Set(names.map(({ date }) => date)) }
}

/** Finishes or undoes what a killed run left in the trash, and empties what is past its grace. Only under the lock of periodic. */
export async function sweepTrash(place: LakePlace, grace: number): Promise<Swept> {
  const { lake, state, disk, now } = place
  const trash = join(state, 'trash')
  const done: Swept = { finished: [], undone: [], emptied: [], kept: [] }
  for (const id of await list(trash)) {
    const name = parseTrash(id)
    if (!name) continue
    const path = join(trash, id)
    if (!(await wasExchanged(path, name.generation))) {
      // The note first: of a tree that is removed halfway it cannot be told any more that it was not exchanged.
      await disk.remove(`${path}.json`, 'undo.note')
      await disk.removeTree(path, 'undo.remove')
      done.undone.push(id)
      continue
    }
    if (await exists(`${path}.json`)) {
      await carryOver(place, id)
      done.finished.push(id)
    }
    // An exchange changes the directory's ctime.
    if ((await lstat(path)).ctimeMs + grace > now()) continue
    const [lost] = await lostOutputs(place, id)
    if (lost) {
      const [file, reason] = lost
      done.kept.push(`${path} is kept, since ${join(lake, file)}, which was merged from its files, is damaged or missing (${reason}); run 'sluice fsck --repair', which puts them back`)
      continue
    }
    const inLake = join(lake, name.hour === undefined ? name.date : formatHour(name.hour))
    const links = name.hour === undefined ? [inLake] : (await list(inLake)).map((entry) => join(inLake, entry))
    for (const link of links) if (await leadsInto(link, await realpath(path))) await disk.remove(link, 'empty.symlink')
    if (name.hour !== undefined) await returnStrangers(disk, path, inLake, String(name.generation))
    await disk.removeTree(path, 'empty.remove')
    done.emptied.push(id)
  }
  for (const file of await list(trash)) if (file.endsWith('.json.new')) await disk.remove(join(trash, file), 'undo.note')
  return done
}

/** Directories that somebody has put into an hour go back to where they were. */
async function returnStrangers(disk: Disk, trashed: string, inLake: string, generation: string): Promise<void> {
  for (const entry of await entriesOf(trashed)) {
    if (!entry.isDirectory()) continue
    const path = join(trashed, entry.name)
    if (!/^\d+$/.test(entry.name)) await disk.rename(path, join(inLake, entry.name), 'empty.symlink')
    else for (const inner of await entriesOf(path)) {
      if (inner.isDirectory()) await disk.rename(join(path, inner.name), join(inLake, generation, inner.name), 'empty.symlink')
    }
  }
}

/** Before its exchange `trash/<id>` holds the next generation of an hour, or is the symlink for a date; after it, what was in the lake. */
async function wasExchanged(trashed: string, generation: number | undefined): Promise<boolean> {
  return generation === undefined ? (await lstat(trashed)).isDirectory() : !(await exists(join(trashed, String(generation))))
}

async function leadsInto(path: string, trashed: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSymbolicLink()) return false
  const target = resolve(await realpath(dirname(path)), await readlink(path))
  return target === trashed || target.startsWith(`${trashed}/`)
}

/**
 * After the exchange: links into the new generation what writers put into the old one after its files were listed, and notes that this
 * is done. Idempotent until then; after that the note forbids it, since a later merge may have taken those files in: it says only what stands
 * for the old files.
 */
export async function carryOver({ lake, state, disk }: LakePlace, id: string): Promise<void> {
  const trashed = join(state, 'trash', id)
  const { hour, generation } = parseTrash(id) as { hour: number; generation: number }
  const note = JSON.parse(await disk.read(`${trashed}.json`)) as Note
  const inLake = join(lake, formatHour(hour))
  await endSwap(disk, inLake, trashed, note.generation)
  await carry(disk, join(trashed, String(note.generation)), join(inLake, String(generation)), { taken: note.inputs, step: 'late.link' })
  for (const directory of [join(inLake, String(generation)), inLake, dirname(inLake), trashed, dirname(trashed)]) await disk.sync(directory, 'late.settle')
  await disk.rename(`${trashed}.json`, join(trashed, REPLACEMENT), 'late.done')
  for (const directory of [trashed, dirname(trashed)]) await disk.sync(directory, 'late.done')
}

/** Links what is in one directory into another, but for what a merge has taken in and what is there already. */
export async function carry(disk: Disk, from: string, to: string, { taken, step }: { taken: readonly string[]; step: Step }): Promise<void> {
  for (const entry of await entriesOf(from)) {
    if (!taken.includes(entry.name) && !entry.isDirectory()) await disk.link(join(from, entry.name), join(to, entry.name), step)
  }
}

/**
 * Takes a whole date out of the lake: the directory is exchanged for a symlink to where it went, so that a query that listed
 * it still reads it, and no listing ever sees half of it.
 */
export async function dropDate({ lake, state, disk }: LakePlace, date: string): Promise<void> {
  const trashed = join(state, 'trash', date)
  await disk.makeDirectory(join(state, 'trash'), 'places.make', PASSABLE)
  if (await exists(trashed)) throw new Failure(`expected no ${trashed}, since ${date} was dropped before; try again when its grace is over`)
  const inLake = join(lake, date)
  const text = relative(await realpath(lake), join(await realpath(dirname(trashed)), date))
  await disk.symlink(text, trashed, 'drop.symlink')
  // The commit point of retention.
  if (!(await disk.exchange(inLake, trashed, 'drop.exchange'))) {
    // Without an exchange, a listing that is under way may see a part of the date.
    await disk.remove(trashed, 'drop.rename')
    await disk.rename(inLake, trashed, 'drop.rename')
    // Where the name is taken, a late event has begun the date anew.
    await disk.symlink(text, inLake, 'drop.rename')
  }
  await disk.sync(lake, 'drop.settle')
  await disk.sync(join(state, 'trash'), 'drop.settle')
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
