import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Failure, messageOf } from '../failure.ts'

/** The calls of the C library that Node does not offer. */
interface Libc {
  flock(fd: number, shared: boolean): boolean
  exchange: ((a: string, b: string) => void) | undefined
  watch: ((directory: string) => Watch | undefined) | undefined
}

/** Tells of every open and close of a directory, by any process, since it was made. */
export interface Watch {
  /** What has happened since the last call, in order. The kernel tells of several that are alike and not yet read as one. */
  read(): ('open' | 'close')[]
  close(): void
}

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
const AT_FDCWD = -100
/** Of renameat2(2) on Linux and of renamex_np(2) on macOS: 2 in both. */
const SWAP = 2

/** Of inotify(7). */
const IN_NONBLOCK = 0x800
const IN_CLOEXEC = 0x80000
const IN_CLOSE_NOWRITE = 0x10
const IN_OPEN = 0x20
const IN_ONLYDIR = 0x1000000
/** Bytes of an event before its name; where in them are the mask and the length of the name. */
const EVENT = { bytes: 16, mask: 4, length: 12 }

let loaded: Promise<Libc> | undefined

/** Takes the lock of an open file without waiting, exclusive unless `shared`; false if another open file, of this or any process, holds it. */
export async function flock(fd: number, { shared = false } = {}): Promise<boolean> {
  return (await libc()).flock(fd, shared)
}

/** Whether this platform can swap two paths at all; a filesystem may still refuse, with EINVAL. */
export async function canExchange(): Promise<boolean> {
  return (await libc()).exchange !== undefined
}

/** Swaps what two paths name, in one step: nobody ever sees one of them missing. It and what it gives throw an Error with `code`. */
export async function exchanger(): Promise<(a: string, b: string) => void> {
  const swap = (await libc()).exchange
  if (!swap) throw systemError('ENOSYS', 'exchange')
  return swap
}

/** Undefined where the platform has none, or the user has no more of them. */
export async function watchDirectory(directory: string): Promise<Watch | undefined> {
  return (await libc()).watch?.(directory)
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
  const find = (prototype: string): Call | undefined => {
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
  const init = find('int inotify_init1(int)')
  const add = find('int inotify_add_watch(int, const char *, uint32_t)')
  const read = find('intptr_t read(int, void *, size_t)')
  return {
    watch: init && add && read && watcher(init, add, read),
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

type Call = (...args: unknown[]) => number

function watcher(init: Call, add: Call, read: Call): (directory: string) => Watch | undefined {
  return (directory) => {
    const fd = init(IN_NONBLOCK | IN_CLOEXEC)
    if (fd < 0) return undefined
    if (add(fd, directory, IN_OPEN | IN_CLOSE_NOWRITE | IN_ONLYDIR) < 0) {
      closeSync(fd)
      return undefined
    }
    const buffer = Buffer.alloc(16_384)
    return {
      read() {
        const events: ('open' | 'close')[] = []
        for (let bytes: number; (bytes = read(fd, buffer, buffer.length)) > 0; ) {
          for (let at = 0; at < bytes; at += EVENT.bytes + buffer.readUInt32LE(at + EVENT.length)) {
            // One with a name is of an entry of the directory.
            if (buffer.readUInt32LE(at + EVENT.length) === 0) events.push(buffer.readUInt32LE(at + EVENT.mask) & IN_OPEN ? 'open' : 'close')
          }
        }
        return events
      },
      close: () => closeSync(fd),
    }
  }
}

function systemError(code: string, syscall: string, ...paths: string[]): Error {
  return Object.assign(new Error([`${code}: ${syscall}`, ...paths].join(' ')), { code, syscall })
}
