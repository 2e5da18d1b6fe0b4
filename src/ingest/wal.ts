import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from '../lake/disk.ts'
import { list } from '../lake/disk.ts'
import { acquire } from '../lake/lock.ts'
import type { SegmentName } from '../lake/names.ts'
import { isWriter } from '../lake/names.ts'
import type { Lines } from './lines.ts'

/** A closed segment: whole lines, the last one ending with a newline. The file is the batch. */
export interface Segment {
  name: SegmentName
  path: string
  bytes: number
  /** Undefined for a segment that another process left: nobody counted. */
  lines: { all: number; blank: number; longest: number } | undefined
  /** When its last bytes were read from stdin, ms since 1970. */
  closedAt: number
}

/** `process`: bytes are with the kernel, any kill of the process leaves them. `power`: fdatasync every so many ms. */
export type Durability = { kind: 'process' } | { kind: 'power'; interval: number }

/** The open end of one writer's log: `<state>/wal/<writer>/00000001.ndjson`, … and its lock. */
export interface Wal {
  writer: string
  /** Lines and bytes in the open segment. */
  open(): { lines: number; bytes: number }
  append(lines: Lines): void
  /** Closes the open segment and gives it; undefined when it is empty. */
  roll(now: number): Promise<Segment | undefined>
  /** Makes a file of dead letters the next segment, in one step: it is in the log and no more where it was. */
  adopt(path: string, now: number): Promise<Segment>
  /** Ends this writer; segments that are still there are left for recovery. */
  close(): Promise<void>
}

/** Lines as they were read, and lines of `rejected/` that are to be tried again. */
const RAW = 'ndjson'
const LETTERS = 'letters'

/** True where the lines of this segment are dead letters. */
export function holdsLetters(segment: Segment): boolean {
  return segment.path.endsWith(`.${LETTERS}`)
}

export async function openWal(state: string, options: { writer: string; disk: Disk; now: number; durability: Durability; fdatasync(file: number): Promise<void> }): Promise<Wal> {
  const { writer, disk, durability } = options
  const directory = join(state, 'wal', writer)
  // Locked before it gets a writer's name: a recovery that starts now must not take it for a dead writer's.
  const unnamed = join(state, 'wal', `new-${writer}`)
  await disk.makeDirectory(unnamed)
  const lock = await acquire(join(unnamed, 'lock'), options.now)
  await disk.rename(unnamed, directory)
  let sequence = 0
  let open = fresh()
  let syncing: Promise<void> | undefined
  let failure: unknown

  function fresh(): { file: number | undefined; lines: number; blank: number; longest: number; bytes: number } {
    return { file: undefined, lines: 0, blank: 0, longest: 0, bytes: 0 }
  }

  const timer =
    durability.kind === 'power'
      ? setInterval(() => {
          if (open.file === undefined || syncing) return
          syncing = options.fdatasync(open.file).then(
            () => void (syncing = undefined),
            (error) => void (failure = error),
          )
        }, durability.interval).unref()
      : undefined

  return {
    writer,
    open: () => open,
    append(lines) {
      if (failure) throw failure
      if (open.file === undefined) open.file = disk.create(join(directory, fileName(++sequence)))
      disk.append(open.file, lines.parts)
      open.lines += lines.lines
      open.blank += lines.blank
      open.bytes += lines.bytes
      open.longest = Math.max(open.longest, lines.longest)
    },
    async roll(now) {
      const { file, lines, blank, longest, bytes } = open
      if (file === undefined) return undefined
      const segment = { name: { writer, sequence }, path: join(directory, fileName(sequence)), bytes, lines: { all: lines, blank, longest }, closedAt: now }
      open = fresh()
      await syncing
      if (durability.kind === 'power') {
        await options.fdatasync(file)
        await disk.sync(directory)
      }
      disk.close(file)
      return segment
    },
    async adopt(from, now) {
      const name = { writer, sequence: ++sequence }
      const path = join(directory, fileName(sequence, LETTERS))
      const { size } = statSync(from)
      await disk.rename(from, path)
      await disk.sync(directory)
      return { name, path, bytes: size, lines: undefined, closedAt: now }
    },
    async close() {
      clearInterval(timer)
      await syncing
      if (open.file !== undefined) disk.close(open.file)
      await retire(directory)
      lock?.release()
    },
  }
}

/** What another writer left. Holding it keeps every other process away from that writer's segments. */
export interface Abandoned {
  writer: string
  segments: Segment[]
  /** Removes the directory if it holds no segment any more, and lets go of it. */
  release(): Promise<void>
}

/** The logs of dead writers, oldest first, each held by its lock from when it is yielded until it is released. Live writers hold theirs. */
export async function* abandoned(state: string, now: number): AsyncGenerator<Abandoned> {
  const wal = join(state, 'wal')
  for (const writer of (await list(wal)).filter(isWriter)) {
    const directory = join(wal, writer)
    const lock = await acquire(join(directory, 'lock'), now)
    if (!lock) continue
    yield {
      writer,
      segments: (await list(directory)).filter(isSegmentFile).map((file) => leftover(writer, directory, file)),
      async release() {
        await retire(directory)
        lock.release()
      },
    }
  }
}

/** Names of all segments that are in any log: their files in the lake are not final. */
export async function pendingSegments(state: string): Promise<SegmentName[]> {
  const wal = join(state, 'wal')
  const pending: SegmentName[] = []
  for (const writer of (await list(wal)).filter(isWriter)) {
    for (const file of (await list(join(wal, writer))).filter(isSegmentFile)) pending.push({ writer, sequence: sequenceOf(file) })
  }
  return pending
}

function leftover(writer: string, directory: string, file: string): Segment {
  const path = join(directory, file)
  const { size, mtimeMs } = statSync(path)
  return { name: { writer, sequence: sequenceOf(file) }, path, bytes: size, lines: undefined, closedAt: mtimeMs }
}

/** A directory with nothing but its lock file in it is of no more use. */
async function retire(directory: string): Promise<void> {
  if ((await list(directory)).some(isSegmentFile)) return
  await rm(directory, { recursive: true, force: true })
}

function fileName(sequence: number, kind = RAW): string {
  return `${String(sequence).padStart(8, '0')}.${kind}`
}

/** True of the name of a segment in its writer's directory. */
export function isSegmentFile(file: string): boolean {
  return /^\d{8}\.(ndjson|letters)$/.test(file)
}

export function sequenceOf(file: string): number {
  return Number(file.slice(0, 8))
}
