import { chmod, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from './disk.ts'

/** Of directories of the state: what is in them is nobody else's. Whoever may read a directory may hold its lock. */
export const PRIVATE = 0o700

/**
 * Of the state itself and of its trash: others may pass through, and see nothing. A query of another user that has listed the lake opens the old
 * files of a merged hour through symlinks into the trash.
 */
export const PASSABLE = 0o711

const DIRECTORIES: Record<string, number> = {
  '': PASSABLE,
  trash: PASSABLE,
  ...Object.fromEntries(['wal', 'staging', 'rejected', 'quarantine', 'runs', 'contributions', 'failures'].map((name) => [name, PRIVATE])),
}

/** Makes the state's directory, and closes to others what an earlier version, or somebody, has left open. Gives what is not ours to close. */
export async function closeState(disk: Disk, state: string): Promise<string[]> {
  await disk.makeDirectory(state, 'places.make', PASSABLE)
  const open: string[] = []
  for (const [name, allowed] of Object.entries(DIRECTORIES)) {
    const path = join(state, name)
    const found = await lstat(path).catch(() => undefined)
    if (!found?.isDirectory() || (found.mode & 0o777 & ~allowed) === 0) continue
    await chmod(path, found.mode & allowed).catch(() => void open.push(path))
  }
  return open
}

/** Empty where nothing is open. */
export function describeOpen(open: readonly string[]): string {
  return open.length === 0 ? '' : `others may look into ${open.join(', ')}, which belong${open.length === 1 ? 's' : ''} to another user: chmod go-rwx`
}
