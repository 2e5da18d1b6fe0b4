import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Failure, messageOf } from '../failure.ts'

/** The two calls of the C library that Node does not offer. */
interface Libc {
  flock(fd: number, shared: boolean): boolean
  exchange: ((a: string, b: string) => void) | undefined
}

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
const AT_FDCWD = -100
/** Of renameat2(2) on Linux and of renamex_np(2) on macOS: 2 in both. */
const SWAP = 2

let loaded: Promise<Libc> | undefined

/** Takes the lock of an open file without waiting, exclusive unless `shared`; false if another open file, of this or any process, holds it. */
export async function flock(fd: number, { shared = false } = {}): Promise<boolean> {
  return (await libc()).flock(fd, shared)
}

/** Whether this platform can swap two paths at all; a filesystem may still refuse, with EINVAL. */
export async function canExchange(): Promise<boolean> {
  return (await libc()).exchange !== undefined
}

/** Swaps what two paths name, in one step: nobody ever sees one of them missing. Throws an Error with `code`. */
export async function exchange(a: string, b: string): Promise<void> {
  const swap = (await libc()).exchange
  if (!swap) throw systemError('ENOSYS', 'exchange', a, b)
  swap(a, b)
}

function libc(): Promise<Libc> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<Libc> {
  let koffi: typeof import('koffi')
  try {
    koffi = await import('koffi')
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`
    throw new Failure(`expected koffi to have a binary for ${platform}, got none (${messageOf(error)}); run Sluice on Linux or macOS`)
  }
  // null is this process: Node itself is linked against the C library, whatever its file is called here.
  const library = koffi.load(null)
  const find = (prototype: string): ((...args: unknown[]) => number) | undefined => {
    try {
      return library.func(prototype)
    } catch {
      return undefined
    }
  }
  const flock = find('int flock(int, int)')
  const renameat2 = find('int renameat2(int, const char *, int, const char *, unsigned int)')
  const renamex = find('int renamex_np(const char *, const char *, unsigned int)')
  const swap = renameat2
    ? (a: string, b: string) => renameat2(AT_FDCWD, a, AT_FDCWD, b, SWAP)
    : renamex && ((a: string, b: string) => renamex(a, b, SWAP))
  return {
    flock(fd, shared) {
      if (!flock) throw systemError('ENOSYS', 'flock')
      if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true
      const errno = koffi.errno()
      if (errno === constants.errno.EWOULDBLOCK) return false
      throw systemError(getSystemErrorName(-errno), 'flock')
    },
    exchange: swap && ((a, b) => {
      if (swap(a, b) !== 0) throw systemError(getSystemErrorName(-koffi.errno()), 'exchange', a, b)
    }),
  }
}

function systemError(code: string, syscall: string, ...paths: string[]): Error {
  return Object.assign(new Error([`${code}: ${syscall}`, ...paths].join(' ')), { code, syscall })
}
