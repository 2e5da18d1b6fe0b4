import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { currentGeneration } from './hour.ts'
import type { Hour, SegmentName } from './names.ts'
import { formatFile, formatHour } from './names.ts'

/**
 * Puts a complete Parquet file into the lake and gives its path there. Same segment and hour, same path:
 * a repetition after a crash overwrites and never adds.
 */
export async function commitFile(disk: Disk, staged: string, options: { lake: string; hour: Hour; segment: SegmentName }): Promise<string> {
  const { lake, hour, segment } = options
  const generation = await currentGeneration(join(lake, formatHour(hour)))
  const path = join(lake, formatFile({ hour, generation, segment }))
  const directory = join(path, '..')
  await disk.makeDirectory(directory)
  await disk.sync(staged)
  // The commit point: before it no reader sees the batch, after it every reader does.
  await disk.rename(staged, path)
  await disk.sync(directory)
  return path
}
