import { lstat, readdir, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
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
    await list(root, '', found)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw new Failure(`expected ${root} to be a directory, got a file; give another one by --lake or --state`, EXIT.io)
    throw new Failure(`cannot list ${root} (${code ?? messageOf(error)}); make every directory in it readable`, EXIT.io)
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function list(root: string, below: string, found: Entry[]): Promise<number> {
  const names = await readdir(join(root, below), { withFileTypes: true })
  await Promise.all(
    names.map(async (name) => {
      const path = below === '' ? name.name : `${below}/${name.name}`
      try {
        const entries = name.isDirectory() ? await list(root, path, found) : 0
        found.push(await describe(root, path, entries))
      } catch (error) {
        // EINVAL: a symlink that was exchanged for a directory before it was read.
        if (!['ENOENT', 'ENOTDIR', 'EINVAL'].includes(codeOf(error) ?? '')) throw error
      }
    }),
  )
  return names.length
}

async function describe(root: string, path: string, entries: number): Promise<Entry> {
  const full = join(root, path)
  const stats = await lstat(full)
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'other'
  return {
    path,
    kind,
    bytes: kind === 'file' ? stats.size : 0,
    modified: stats.mtimeMs,
    changed: stats.ctimeMs,
    inode: stats.ino,
    entries,
    ...(kind === 'symlink' ? { link: await follow(full) } : {}),
  }
}

async function follow(path: string): Promise<{ text: string; target: string | undefined }> {
  const text = await readlink(path)
  const target = await realpath(path).catch(() => undefined)
  // What it led to is removed after the symlink itself: it may be gone by now.
  if (target === undefined) await lstat(path)
  return { text, target }
}
