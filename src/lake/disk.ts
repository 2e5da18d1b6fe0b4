import { appendFileSync, closeSync, constants, fdatasync, mkdirSync, openSync, statSync, truncateSync, writeFileSync, writevSync } from 'node:fs'
import { link, lstat, open, readdir, readFile, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { exchanger } from './libc.ts'
import type { Step } from './steps.ts'

/** What changes the disk, or makes a change last: all that durability rests on. Each call says of which step it is. */
export interface Disk {
  /** Opens a new file for appending. */
  create(path: string, step: Step): number
  append(file: number, parts: readonly Buffer[], step: Step): void
  /** Like {@link Disk.sync} for what has been appended. */
  flush(file: number, step: Step): Promise<void>
  close(file: number): void
  write(path: string, text: string | Buffer, step: Step): Promise<void>
  /** The file is these bytes from `at` on; what comes before stays. */
  patch(path: string, at: number, bytes: Buffer, step: Step): Promise<void>
  /** fsync of a file or a directory. Never retried: after a failure the kernel may have dropped the pages. */
  sync(path: string, step: Step): Promise<void>
  rename(from: string, to: string, step: Step): Promise<void>
  /** A second name for a file. False where the name is taken. */
  link(from: string, to: string, step: Step): Promise<boolean>
  /** False where the name is taken. */
  symlink(text: string, path: string, step: Step): Promise<boolean>
  /** Swaps what two paths name, in one step. False where that cannot be done. */
  exchange(a: string, b: string, step: Step): Promise<boolean>
  /** `mode`: of every directory made on the way. */
  makeDirectory(path: string, step: Step, mode?: number): Promise<void>
  /** Removes a file or a symlink, if there is one. */
  remove(path: string, step: Step): Promise<void>
  /** Removes a directory with all that is in it; symlinks in it are not followed. What cannot go, since somebody has it open or puts more into it, stays for the next run. */
  removeTree(path: string, step: Step): Promise<void>
  read(path: string): Promise<string>
}

/** System calls by the names under which a test makes them fail. */
export const CALLS = ['create', 'write', 'fsync', 'rename', 'link', 'symlink', 'exchange', 'mkdir', 'unlink'] as const

export type Call = (typeof CALLS)[number]

/** One system call. What is open is `/dev/fd/<n>`, where n is what its `create` gave. */
export interface Operation {
  call: Call
  step: Step
  paths: readonly string[]
}

/** Stands before each system call of a disk: acts, or does what a test wants. `half` does a part of a write. */
export type Gate = <T>(operation: Operation, act: () => T, half?: () => void) => T

export function openDisk(gate: Gate = (_operation, act) => act()): Disk {
  const pass = <T>(call: Call, step: Step, paths: readonly string[], act: () => T, half?: () => void): T => gate({ call, step, paths }, act, half)

  /** Directories whose names this process has made durable. */
  const durable = new Set<string>()

  /**
   * A directory is durable once its parent is. Whoever made one that is there already may have died before that.
   * What takes microseconds is done at once: handed to a thread it takes ten times as long.
   */
  async function make(path: string, step: Step, mode?: number): Promise<void> {
    try {
      pass('mkdir', step, [path], () => mkdirSync(path, mode))
      durable.delete(path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return settle(path, step)
      // Node's own recursive mkdir never returns where the kernel answers ENOENT for a child of an existing directory, as /proc does.
      if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
      await make(dirname(path), step, mode)
      try {
        pass('mkdir', step, [path], () => mkdirSync(path, mode))
      } catch (again) {
        if (codeOf(again) !== 'EEXIST') throw again
      }
    }
    await settle(path, step)
  }

  async function settle(path: string, step: Step): Promise<void> {
    if (durable.has(path)) return
    await pass('fsync', step, [dirname(path)], () => syncPath(dirname(path)))
    durable.add(path)
  }

  async function removeAll(path: string, step: Step, tries = TRIES): Promise<void> {
    const found = await unlessGone(lstat(path))
    if (!found?.isDirectory()) {
      if (found) await unless(BUSY, async () => void (await unlessGone(pass('unlink', step, [path], () => unlink(path)))))
      return
    }
    for (const name of await list(path)) await removeAll(join(path, name), step)
    // Something was put into it meanwhile, such as the lock of one who looks whether this log is of a dead writer; or what is open there has got
    // a name of its own, as FUSE (`.fuse_hidden…`) and NFS (`.nfs…`) do until it is closed.
    if (await unless(BUSY, async () => void (await unlessGone(pass('unlink', step, [path], () => rmdir(path)))))) return
    if (tries === 1) return
    await sleep(TRIES - tries)
    await removeAll(path, step, tries - 1)
  }

  return {
    create: (path, step) =>
      guard('create', path, () => pass('create', step, [path], () => openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND, OWN))),
    append(file, parts, step) {
      let left = parts
      while (left.length > 0) {
        const now = left
        const half = (): void => void writevSync(file, [firstHalf(Buffer.concat(now))])
        left = after(left, guard('write to the WAL', '', () => pass('write', step, [opened(file)], () => writevSync(file, now as Buffer[]), half)))
      }
    },
    flush: (file, step) => guardAsync('fsync', 'the WAL', () => pass('fsync', step, [opened(file)], () => datasync(file))),
    close: (file) => closeSync(file),
    write: (path, text, step) =>
      guardAsync('write', path, () => pass('write', step, [path], () => writeFile(path, text, { mode: modeOf(step) }), () => writeFileSync(path, firstHalf(Buffer.from(text)), { mode: modeOf(step) }))),
    patch: (path, at, bytes, step) =>
      guardAsync('write', path, () => pass('write', step, [path], () => patch(path, at, bytes), () => patchHalf(path, at, bytes))),
    sync: (path, step) => guardAsync('fsync', path, () => pass('fsync', step, [path], () => syncPath(path))),
    rename: (from, to, step) => guardAsync('rename into place', to, () => pass('rename', step, [from, to], () => rename(from, to))),
    link: (from, to, step) => guardAsync('link', `${from} to ${to}`, () => unless(['EEXIST'], () => pass('link', step, [from, to], () => link(from, to)))),
    symlink: (text, path, step) => guardAsync('symlink', path, () => unless(['EEXIST'], () => pass('symlink', step, [path], () => symlink(text, path)))),
    exchange: (a, b, step) => guardAsync('exchange', `${a} and ${b}`, () => unless(NO_EXCHANGE, () => pass('exchange', step, [a, b], async () => (await exchanger())(a, b)))),
    makeDirectory: (path, step, mode) => guardAsync('make directory', path, () => make(path, step, mode)),
    remove: (path, step) => guardAsync('remove', path, () => unlessGone(pass('unlink', step, [path], () => unlink(path)))),
    removeTree: (path, step) => guardAsync('remove', path, () => removeAll(path, step)),
    read: (path) => guardAsync('read', path, () => readFile(path, 'utf8')),
  }
}

/** Times that a directory is emptied which does not stay empty. */
const TRIES = 5

/** What is said of a directory that is not empty, and of what is in use. */
const BUSY = ['ENOTEMPTY', 'EEXIST', 'EBUSY']

/** Private files. What is staged for the lake is for whoever may read that. */
const OWN = 0o600
const modeOf = (step: Step): number => (step === 'stage.write' ? 0o666 : OWN)

const opened = (file: number): string => `/dev/fd/${file}`

const datasync = promisify(fdatasync)

/** What of the parts is left to write after `written` bytes of them. */
function after(parts: readonly Buffer[], written: number): Buffer[] {
  const rest: Buffer[] = []
  for (const part of parts) {
    if (written < part.length) rest.push(part.subarray(written))
    written = Math.max(0, written - part.length)
  }
  return rest
}

function firstHalf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length >> 1)
}

async function patch(path: string, at: number, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.truncate(at)
    for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  } finally {
    await handle.close()
  }
}

function patchHalf(path: string, at: number, bytes: Buffer): void {
  truncateSync(path, at)
  appendFileSync(path, firstHalf(bytes))
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What is said where the platform or the filesystem has no such call. */
const NO_EXCHANGE = ['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP']

/** False where it fails with one of these codes. */
async function unless(codes: readonly string[], act: () => Promise<void>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (codes.includes(codeOf(error) ?? '')) return false
    throw error
  }
}

async function unlessGone<T>(act: Promise<T>): Promise<T | undefined> {
  try {
    return await act
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function guard<T>(doing: string, path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw diskFailure(doing, path, error)
  }
}

async function guardAsync<T>(doing: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw diskFailure(doing, path, error)
  }
}

const ADVICE: Record<string, string> = {
  ENOSPC: 'the disk is full: free some space, then start again; what was read is kept',
  EDQUOT: 'the disk quota is used up: free some space, then start again; what was read is kept',
  EROFS: 'the filesystem is read-only: choose another directory with --lake and --state',
  EACCES: 'permission denied: make it writable, or choose another directory with --lake and --state',
  EPERM: 'not permitted: make it writable, or choose another directory with --lake and --state',
  ENOTDIR: 'a file stands where a directory belongs: move it away, or choose another directory with --lake and --state',
  EEXIST: 'a file stands where a directory belongs: move it away, or choose another directory with --lake and --state',
  EXDEV: 'lake and state are on different filesystems: choose --state on the filesystem of --lake',
  EMFILE: "too many open files: raise 'ulimit -n', then start again",
  ENOLCK: 'no locks here: keep lake and state on a local filesystem that has flock(2)',
  EOPNOTSUPP: 'no locks here: keep lake and state on a local filesystem that has flock(2)',
  EIO: 'the device failed: look at the system log before you start again',
}

/** One sentence for a failed system call: what was tried, where, what the system said, and what to do next. */
export function diskFailure(doing: string, path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = codeOf(error)
  return new Failure(`cannot ${doing} ${path}: ${ADVICE[code ?? ''] ?? messageOf(error)}${code ? ` (${code})` : ''}`.replace('  ', ' '), EXIT.io)
}

/** The same for what DuckDB says of a write that failed; any other error of its comes back as it is. It gives no codes, but the system's own words. */
export function engineFailure(path: string, error: unknown): unknown {
  const text = messageOf(error)
  if (error instanceof Failure || !/^IO Error/.test(text)) return error
  const code = /No space left/.test(text) ? 'ENOSPC' : /Too many open files/.test(text) ? 'EMFILE' : 'EIO'
  return diskFailure('write', path, Object.assign(new Error(text), { code }))
}

/** Names in a directory, sorted; none where there is no such directory. */
export async function list(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw diskFailure('read directory', directory, error)
  }
}
