import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Watch } from './libc.ts'
import { exchanger, watchDirectory } from './libc.ts'

/** A listing that began before it could be seen has ended by then, ms. */
const WATCHED = 50
/** For so long nobody must have begun or ended a listing. */
const QUIET = 5
/** After this the exchange comes whoever lists. */
const PATIENCE = 2000

/**
 * Swaps two paths in a moment in which nobody lists the directory `a`.
 *
 * DuckDB asks of each name that a directory gave it, by its path, what it is. Where the exchange falls between the two, the name is that of a
 * symlink by now, and its files are left out: an hour is missing. On a busy machine that moment lasts for as long as the
 * reader's thread waits for a core. DuckDB keeps the directory open from before it until after it, which inotify tells.
 * What remains are the microseconds between the last look and the exchange.
 */
export async function exchangeUnlisted(a: string, b: string): Promise<void> {
  const swap = await exchanger()
  const watch = await watchDirectory(a)
  try {
    await unlisted(watch)
    swap(a, b)
  } finally {
    watch?.close()
  }
}

async function unlisted(watch: Watch | undefined): Promise<void> {
  const began = performance.now()
  let last = began
  let open = 0
  while (watch && performance.now() - began < PATIENCE) {
    await sleep(1)
    for (const event of watch.read()) {
      // A directory that was open before is closed once more than it was opened.
      open = event === 'open' ? open + 1 : Math.max(0, open - 1)
      last = performance.now()
    }
    const now = performance.now()
    if (open === 0 && now - began >= WATCHED && now - last >= QUIET) return
  }
}
