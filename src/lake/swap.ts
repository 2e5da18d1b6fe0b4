import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from './disk.ts'

/**
 * Puts the hour directory built at `fresh`, which holds generation `to` and a symlink for generation `from`, in the place of the
 * one in the lake, and that one at `fresh`.
 */
export async function swapHour(disk: Disk, inLake: string, fresh: string, { from, to }: { from: number; to: number }): Promise<void> {
  if (await disk.exchange(inLake, fresh, 'compact.exchange')) return
  // Without an exchange, readers see both generations until the next rename. Taking the hour away first would be worse:
  // a writer that comes meanwhile makes the hour anew, and the old one cannot come back.
  await disk.rename(join(fresh, String(to)), join(inLake, String(to)), 'swap.publish')
  await endSwap(disk, inLake, fresh, from)
}

/** Ends a swap by renames, however far it has come; of one by exchange nothing is left to do. */
export async function endSwap(disk: Disk, inLake: string, trashed: string, from: number): Promise<void> {
  const old = join(inLake, String(from))
  const kept = join(trashed, String(from))
  const aside = join(trashed, 'old')
  if ((await kindOf(old)) === 'directory') await disk.rename(old, aside, 'swap.retire')
  if ((await kindOf(kept)) === 'symlink') await disk.rename(kept, old, 'swap.symlink')
  if ((await kindOf(aside)) === 'directory') await disk.rename(aside, kept, 'swap.retire')
}

async function kindOf(path: string): Promise<'directory' | 'symlink' | undefined> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isDirectory() ? 'directory' : found?.isSymbolicLink() ? 'symlink' : undefined
}
