import type { Dirent } from 'node:fs'
import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'

/** Something in a directory tree, itself and not what it leads to. */
export interface Entry {
  /** Below the root, with `/`. */
  path: string
  kind: 'file' | 'directory' | 'symlink' | 'other'
  bytes: number
  /** ms since 1970: of the content, and of the inode. */
  modified: number
  changed: number
  /** Inode: another file under the same name has another. */
  inode: number
  /** Of a directory: what is directly in it. */
  entries: number
  /** Of a symlink: its text, and the real path it leads to, if any. */
  link?: { text: string; target: string | undefined }
}

/** Everything below a directory, sorted; symlinks are not followed. A missing root is an empty one, and what vanishes meanwhile was not there. */
export async function walk(root: string): Promise<Entry[]> {
  const found: Entry[] = []
  try {
    for (const name of readdirSync(root, { withFileTypes: true })) {
      take(root, name.name, name, found)
      // Others have their turn.
      await setImmediate()
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw new Failure(`expected ${root} to be a directory, got a file; give another one by --lake or --state`, EXIT.io)
    throw new Failure(`cannot list ${root} (${code ?? messageOf(error)}); make every directory in it readable`, EXIT.io)
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** An entry of a directory with all below it, at once: promises take three times as long. */
function take(root: string, path: string, name: Dirent, found: Entry[]): void {
  try {
    const below = name.isDirectory() ? readdirSync(join(root, path), { withFileTypes: true }) : []
    for (const one of below) take(root, `${path}/${one.name}`, one, found)
    found.push(describe(root, path, below.length))
  } catch (error) {
    // EINVAL: a symlink that was exchanged for a directory before it was read.
    if (!['ENOENT', 'ENOTDIR', 'EINVAL'].includes(codeOf(error) ?? '')) throw error
  }
}

function describe(root: string, path: string, entries: number): Entry {
  const full = join(root, path)
  const stats = lstatSync(full)
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'other'
  return {
    path,
    kind,
    bytes: kind === 'file' ? stats.size : 0,
    modified: stats.mtimeMs,
    changed: stats.ctimeMs,
    inode: stats.ino,
    entries,
    ...(kind === 'symlink' ? { link: follow(full) } : {}),
  }
}

function follow(path: string): { text: string; target: string | undefined } {
  const text = readlinkSync(path)
  const target = realpath(path)
  // What it led to is removed after the symlink itself: it may be gone by now.
  if (target === undefined) lstatSync(path)
  return { text, target }
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
