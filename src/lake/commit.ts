import { statSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EXIT, Failure } from '../failure.ts'
import type { Disk } from './disk.ts'
import { currentGeneration, isSymlink } from './hour.ts'
import type { Hour, SegmentName } from './names.ts'
import { formatFile, formatHour } from './names.ts'
import { seal } from './seal.ts'

/**
 * Seals a complete Parquet file as one of the lake with this id, puts it there, and gives its path. Same segment and hour, same path:
 * a repetition after a crash overwrites and never adds.
 */
export async function commitFile(disk: Disk, staged: string, options: { lake: string; id: string; hour: Hour; segment: SegmentName }): Promise<string> {
  const { lake, id, hour, segment } = options
  const hourDirectory = join(lake, formatHour(hour))
  await expectLake(lake)
  await undrop(disk, dirname(hourDirectory))
  let generation = await openGeneration(disk, hourDirectory)
  let path = join(lake, formatFile({ hour, generation, segment }))
  await seal(disk, staged, { lake: id, step: 'commit.seal' })
  await disk.sync(staged, 'commit.sync')
  // The commit point: before it no reader sees the batch, after it every reader does.
  await disk.rename(staged, path, 'commit.rename')
  await disk.sync(dirname(path), 'commit.settle')
  // A compaction that swapped the hour meanwhile has made the directory we renamed into one of the past: the rename
  // went through its symlink. The file follows; a compaction that saw it first has linked it already.
  for (let now = await openGeneration(disk, hourDirectory); now !== generation; now = await openGeneration(disk, hourDirectory)) {
    const current = join(lake, formatFile({ hour, generation: now, segment }))
    await follow(disk, path, current, staged)
    generation = now
    path = current
  }
  return path
}

/** It was there when it was opened: made anew where it is missing now, it would be another lake. */
async function expectLake(lake: string): Promise<void> {
  if (statSync(lake, { throwIfNoEntry: false })?.isDirectory()) return
  throw new Failure(`expected the lake ${lake}, got no such directory any more; mount it, or put it back, then start again: what was read is kept in the log`, EXIT.io)
}

/** The directory that takes the files of an hour, never a symlink; made where the hour has none. */
async function openGeneration(disk: Disk, hourDirectory: string): Promise<number> {
  if (await isSymlink(hourDirectory)) {
    const where = `${hourDirectory} to be a directory, got a symlink to ${await readlink(hourDirectory)}`
    throw new Failure(`expected ${where}; run 'sluice fsck --repair', which moves it to quarantine`, EXIT.io)
  }
  let generation = await currentGeneration(hourDirectory)
  for (;;) {
    await disk.makeDirectory(join(hourDirectory, String(generation)), 'commit.directory')
    // One who slept through a compaction and the grace after it has made the directory of a generation of the past.
    const now = await currentGeneration(hourDirectory)
    if (now === generation) return generation
    generation = now
  }
}

/** Gives the file at `from` the name `to` too, over whatever is there. */
async function follow(disk: Disk, from: string, to: string, scratch: string): Promise<void> {
  await disk.link(from, scratch, 'follow.link')
  await disk.rename(scratch, to, 'follow.rename')
  // Two names of one file: rename(2) has then done nothing.
  await disk.remove(scratch, 'follow.remove')
  await disk.sync(dirname(to), 'follow.settle')
}

/** A date that retention dropped is a symlink until its grace ends; an event of that date begins it anew. */
async function undrop(disk: Disk, date: string): Promise<void> {
  if (!(await isSymlink(date))) return
  try {
    await disk.remove(date, 'commit.undrop')
  } catch (error) {
    // Another writer was first, and has made the directory.
    if (await isSymlink(date)) throw error
  }
  await disk.sync(dirname(date), 'commit.undrop')
}
