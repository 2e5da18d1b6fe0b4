import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchDirectory } from './libc.ts'

/** A listing that began before it could be seen has ended by then, ms. */
const WATCHED = 50
/** For so long nobody must have begun or ended a listing. */
const QUIET = 5
/** After this the moment has come whoever lists. */
const PATIENCE = 2000

/**
 * Exchanges a directory in a moment in which nobody lists it. `prepare` is done in that moment, right before `exchange`; again where
 * somebody listed meanwhile.
 *
 * DuckDB asks of each name that a directory gave it, by its path, what it is. Where the exchange falls between the two, the name is that of a
 * symlink by now, and its files are left out: an hour is missing. On a busy machine that moment lasts for as long as the
 * reader's thread waits for a core. DuckDB keeps the directory open from before it until after it, which inotify tells.
 * What remains are the microseconds between the last look and the exchange.
 */
export async function exchangeUnlisted(directory: string, { prepare, exchange }: { prepare(): Promise<void>; exchange(): Promise<void> }): Promise<void> {
  const watch = await watchDirectory(directory)
  const began = performance.now()
  let last = began
  let open = 0
  const quiet = (): boolean => {
    for (const event of watch?.read() ?? []) {
      // A directory that was open before is closed once more than it was opened.
      open = event === 'open' ? open + 1 : Math.max(0, open - 1)
      last = performance.now()
    }
    const now = performance.now()
    return !watch || now - began >= PATIENCE || (open === 0 && now - began >= WATCHED && now - last >= QUIET)
  }
  try {
    do {
      while (!quiet()) await sleep(1)
      await prepare()
    } while (!quiet())
    await exchange()
  } finally {
    watch?.close()
  }
}
