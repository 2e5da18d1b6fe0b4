import { closeSync, constants, openSync, writevSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { exchange } from './libc.ts'

/** The operations on which durability rests. One object, so that a test can make the k-th of them fail. */
export interface Disk {
  /** Opens a new file for appending. */
  create(path: string): number
  append(file: number, parts: readonly Buffer[]): void
  close(file: number): void
  write(path: string, text: string | Buffer): Promise<void>
  /** fsync of a file or a directory. Never retried: after a failure the kernel may have dropped the pages. */
  sync(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  read(path: string): Promise<string>
  /** Swaps what two paths name, in one step. */
  exchange(a: string, b: string): Promise<void>
  makeDirectory(path: string): Promise<void>
}

export const realDisk: Disk = {
  create: (path) => guard('create', path, () => openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND)),
  append(file, parts) {
    let left = parts
    while (left.length > 0) {
      let written = guard('write to the WAL', '', () => writevSync(file, left as Buffer[]))
      const rest: Buffer[] = []
      for (const part of left) {
        if (written >= part.length) written -= part.length
        else {
          rest.push(part.subarray(written))
          written = 0
        }
      }
      left = rest
    }
  },
  close: (file) => closeSync(file),
  write: (path, text) => guardAsync('write', path, () => writeFile(path, text)),
  sync: (path) => guardAsync('fsync', path, () => syncPath(path)),
  rename: (from, to) => guardAsync('rename into place', to, () => rename(from, to)),
  remove: (path) => guardAsync('remove', path, () => rm(path, { force: true })),
  read: (path) => guardAsync('read', path, () => readFile(path, 'utf8')),
  exchange: (a, b) => guardAsync('exchange', `${a} and ${b}`, () => exchange(a, b)),
  makeDirectory: (path) => guardAsync('make directory', path, () => makeDurable(path)),
}

/** Node's own recursive mkdir never returns where the kernel answers ENOENT for a child of an existing directory, as /proc does. */
async function makeDurable(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeDurable(dirname(path))
    await mkdir(path).catch((again: unknown) => {
      if (codeOf(again) !== 'EEXIST') throw again
    })
  }
  // A new directory is durable once its parent is.
  await syncPath(dirname(path))
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
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
  EIO: 'the device failed: look at the system log before you start again',
}

/** One sentence for a failed system call: what was tried, where, what the system said, and what to do next. */
export function diskFailure(doing: string, path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = codeOf(error)
  return new Failure(`cannot ${doing} ${path}: ${ADVICE[code ?? ''] ?? messageOf(error)}${code ? ` (${code})` : ''}`.replace('  ', ' '), EXIT.io)
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
