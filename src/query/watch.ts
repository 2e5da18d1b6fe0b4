import { existsSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'

export interface Triggers {
  lake: string
  /** Run when Parquet files arrive in the lake. */
  watch: boolean
  /** Run so many milliseconds after the last start. */
  every: number | undefined
  now: () => number
  signal: AbortSignal
}

/** Files of one roll arrive together: a run waits until none has come for this long, in ms … */
const QUIET = 300
/** … but no longer than this, in ms. */
const PATIENCE = 2000
/** setTimeout's own limit, in ms. */
const LONGEST = 2 ** 31 - 1

/** Yields whenever a run is due: at once, then for each cause, until aborted. What arrives during a run makes the next one due. */
export async function* triggers({ lake, watch, every, now, signal }: Triggers): AsyncGenerator<void> {
  let first = Infinity
  let last = Infinity
  let failure: Failure | undefined
  let wake = (): void => {}
  const stop = (): void => wake()
  signal.addEventListener('abort', stop)
  const close = watch
    ? await watchLake(lake, {
        arrived() {
          last = now()
          first = Math.min(first, last)
          wake()
        },
        failed(error) {
          failure = error
          wake()
        },
      })
    : undefined
  try {
    while (!signal.aborted) {
      const next = every === undefined ? Infinity : now() + every
      first = last = Infinity
      yield
      const due = (): number => Math.min(next, last + QUIET, first + PATIENCE)
      while (!signal.aborted && now() < due()) {
        if (failure) throw failure
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(due() - now(), LONGEST))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await close?.()
  }
}

async function watchLake(lake: string, on: { arrived: () => void; failed: (failure: Failure) => void }): Promise<() => Promise<void>> {
  const { watch } = await import('chokidar')
  const path = resolve(lake)
  // The lake may not exist yet: the nearest directory that does is watched for the way down to it.
  let root = path
  while (!existsSync(root)) root = dirname(root)
  const within = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)
  const watcher = watch(root, {
    ignoreInitial: true,
    // As DuckDB's glob does not.
    followSymlinks: false,
    ignored: (entry, stats) => !within(entry, path) ? !within(path, entry) : stats?.isFile() === true && !entry.endsWith('.parquet'),
  })
  watcher.on('add', on.arrived).on('change', on.arrived)
  watcher.on('error', (error) => {
    // A directory that was retired while it was being read.
    if (codeOf(error) === 'ENOENT') return
    const reason = codeOf(error) ?? messageOf(error)
    on.failed(new Failure(`cannot watch ${lake} (${reason}); raise fs.inotify.max_user_watches, or use --every 30s`, EXIT.io))
  })
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  return () => watcher.close()
}
