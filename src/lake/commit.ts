import { link, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { diskFailure } from './disk.ts'
import { currentGeneration } from './hour.ts'
import type { Hour, SegmentName } from './names.ts'
import { formatFile, formatHour } from './names.ts'

/**
 * Puts a complete Parquet file into the lake and gives its path there. Same segment and hour, same path:
 * a repetition after a crash overwrites and never adds.
 */
export async function commitFile(disk: Disk, staged: string, options: { lake: string; hour: Hour; segment: SegmentName }): Promise<string> {
  const { lake, hour, segment } = options
  const hourDirectory = join(lake, formatHour(hour))
  await undrop(disk, join(hourDirectory, '..'))
  let generation = await currentGeneration(hourDirectory)
  let path = join(lake, formatFile({ hour, generation, segment }))
  await disk.makeDirectory(join(path, '..'))
  await disk.sync(staged)
  // The commit point: before it no reader sees the batch, after it every reader does.
  await disk.rename(staged, path)
  await disk.sync(join(path, '..'))
  // A compaction that swapped the hour meanwhile has made the directory we renamed into one of the past: the rename
  // went through its symlink. The file follows; a compaction that saw it first has linked it already.
  for (let now = await currentGeneration(hourDirectory); now !== generation; now = await currentGeneration(hourDirectory)) {
    const current = join(lake, formatFile({ hour, generation: now, segment }))
    await follow(disk, path, current, staged)
    generation = now
    path = current
  }
  return path
}

/** Gives the file at `from` the name `to` too, over whatever is there. */
async function follow(disk: Disk, from: string, to: string, scratch: string): Promise<void> {
  try {
    await link(from, scratch)
  } catch (error) {
    throw diskFailure('link', `${from} to ${scratch}`, error)
  }
  await disk.rename(scratch, to)
  // Two names of one file: rename(2) has then done nothing.
  await disk.remove(scratch)
  await disk.sync(join(to, '..'))
}

/** A date that retention dropped is a symlink until its grace ends; an event of that date begins it anew. */
async function undrop(disk: Disk, date: string): Promise<void> {
  const found = await lstat(date).catch(() => undefined)
  if (found?.isSymbolicLink()) {
    await disk.remove(date)
    await disk.sync(join(date, '..'))
  }
}
