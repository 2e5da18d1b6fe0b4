import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { crc32 } from '../crc32.ts'
import { EXIT, Failure } from '../failure.ts'
import type { Disk } from '../lake/disk.ts'
import { list } from '../lake/disk.ts'
import type { Lock } from '../lake/lock.ts'
import { acquirePatiently } from '../lake/lock.ts'
import type { SegmentName } from '../lake/names.ts'
import { isWriter } from '../lake/names.ts'
import { PRIVATE } from '../lake/private.ts'
import type { Lines } from './lines.ts'
import type { Segment } from './segment.ts'
import { contentsOf, formatSegmentFile, isSegmentFile, parseSegmentFile } from './segment.ts'

/** `process`: bytes are with the kernel, any kill of the process leaves them. `power`: fdatasync every so many ms. */
export type Durability = { kind: 'process' } | { kind: 'power'; interval: number }

/** The open end of one writer's log: `<state>/wal/<writer>/00000001.ndjson`, … and its lock. A closed segment says in its name what it holds. */
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

/** What comes before the writer in the name of a log that is not locked yet. */
const UNNAMED = 'new-'

/** A log without a name that is younger may be locked any moment, ms. */
const YOUNG = 60_000

export async function openWal(state: string, options: { writer: string; disk: Disk; now: number; durability: Durability }): Promise<Wal> {
  const { writer, disk, durability } = options
  const directory = join(state, 'wal', writer)
  // Locked before it gets a writer's name: a recovery that starts now must not take it for a dead writer's.
  const unnamed = join(state, 'wal', `${UNNAMED}${writer}`)
  await disk.makeDirectory(unnamed, 'wal.make', PRIVATE)
  const lock = await acquirePatiently(join(unnamed, 'lock'), options.now)
  if (!lock) throw new Failure(`expected nobody to hold ${join(unnamed, 'lock')}, which was made just now; start again`, EXIT.busy)
  await disk.rename(unnamed, directory, 'wal.name')
  let sequence = 0
  let open = fresh()
  let syncing: Promise<void> | undefined
  let failure: unknown
  /** The segment whose name was the last to be made safe from power loss. */
  let named = 0

  function fresh(): { file: number | undefined; lines: number; blank: number; longest: number; lenient: boolean; bytes: number; checksum: number } {
    return { file: undefined, lines: 0, blank: 0, longest: 0, lenient: false, bytes: 0, checksum: 0 }
  }

  async function flush(file: number): Promise<void> {
    const newest = sequence
    await disk.flush(file, 'wal.flush')
    // What is in a file is safe once its name is.
    if (named < newest) await disk.sync(directory, 'wal.flush')
    named = newest
  }

  const timer =
    durability.kind === 'power'
      ? setInterval(() => {
          if (open.file === undefined || syncing) return
          syncing = flush(open.file).then(
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
      if (open.file === undefined) open.file = disk.create(join(directory, formatSegmentFile(++sequence, 'ndjson')), 'wal.create')
      disk.append(open.file, lines.parts, 'wal.append')
      open.lines += lines.lines
      open.blank += lines.blank
      open.bytes += lines.bytes
      open.lenient ||= lines.lenient
      open.longest = Math.max(open.longest, lines.longest)
      for (const part of lines.parts) open.checksum = crc32(part, open.checksum)
    },
    async roll(now) {
      const { file, lines, blank, longest, lenient, bytes, checksum } = open
      if (file === undefined) return undefined
      const holds = { bytes, lines: lines - blank, checksum }
      const path = join(directory, formatSegmentFile(sequence, 'ndjson', holds))
      const segment = { name: { writer, sequence }, path, bytes, holds, longest, lenient, closedAt: now }
      open = fresh()
      await syncing
      if (failure) throw failure
      if (durability.kind === 'power') await disk.flush(file, 'wal.roll')
      await disk.rename(join(directory, formatSegmentFile(sequence, 'ndjson')), path, 'wal.seal')
      if (durability.kind === 'power') await disk.sync(directory, 'wal.roll')
      disk.close(file)
      return segment
    },
    async adopt(from, now) {
      const name = { writer, sequence: ++sequence }
      const holds = await contentsOf(from)
      const path = join(directory, formatSegmentFile(sequence, 'letters', holds))
      await disk.rename(from, path, 'wal.adopt')
      await disk.sync(directory, 'wal.adopt')
      return { name, path, bytes: holds.bytes, holds, longest: undefined, closedAt: now }
    },
    async close() {
      clearInterval(timer)
      await syncing
      if (open.file !== undefined) disk.close(open.file)
      await retire(disk, directory, lock)
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
export async function* abandoned(disk: Disk, state: string, now: number): AsyncGenerator<Abandoned> {
  for (const entry of await list(join(state, 'wal'))) {
    const writer = entry.startsWith(UNNAMED) ? entry.slice(UNNAMED.length) : entry
    const directory = join(state, 'wal', entry)
    if (!isWriter(writer) || (entry !== writer && now - changedAt(directory) < YOUNG)) continue
    const lock = await acquirePatiently(join(directory, 'lock'), now).catch((error: unknown) => {
      // Its writer has ended well since it was listed.
      if (existsSync(directory)) throw error
      return undefined
    })
    if (!lock) continue
    yield {
      writer,
      segments: (await list(directory)).flatMap((file) => leftover(writer, directory, file) ?? []),
      async release() {
        await retire(disk, directory, lock)
      },
    }
  }
}

/** Whether a writer of this name has a log, be it dead or alive. */
export function hasLog(state: string, writer: string): boolean {
  return existsSync(join(state, 'wal', writer))
}

/** Names of all segments that are in any log: their files in the lake are not final. */
export async function pendingSegments(state: string): Promise<SegmentName[]> {
  const wal = join(state, 'wal')
  const pending: SegmentName[] = []
  for (const writer of (await list(wal)).filter(isWriter)) {
    for (const file of await list(join(wal, writer))) {
      const parsed = parseSegmentFile(file)
      if (parsed) pending.push({ writer, sequence: parsed.sequence })
    }
  }
  return pending
}

function leftover(writer: string, directory: string, file: string): Segment | undefined {
  const parsed = parseSegmentFile(file)
  if (!parsed) return undefined
  const path = join(directory, file)
  const { size, mtimeMs } = statSync(path)
  return { name: { writer, sequence: parsed.sequence }, path, bytes: size, holds: parsed.holds, longest: undefined, closedAt: mtimeMs }
}

/** Takes a segment that is not what it was out of its log, into the quarantine, and gives its path there. */
export async function setAside(disk: Disk, state: string, { path, name }: Segment): Promise<string> {
  const directory = join(state, ASIDE, name.writer)
  const to = join(directory, basename(path))
  await disk.makeDirectory(directory, 'wal.aside', PRIVATE)
  await disk.rename(path, to, 'wal.aside')
  await disk.sync(directory, 'wal.aside')
  await disk.sync(dirname(path), 'wal.aside')
  return to
}

/** Segments that are not what they were when they were written, below the state: `<writer>/<file>` in it. */
export const ASIDE = join('quarantine', 'wal')

/** Lets go of a log; without a segment it is of no more use. An open file cannot be removed everywhere; whoever locks it meanwhile finds nothing in it. */
async function retire(disk: Disk, directory: string, lock: Lock): Promise<void> {
  const used = (await list(directory)).some(isSegmentFile)
  lock.release()
  if (!used) await disk.removeTree(directory, 'wal.retire')
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity
}

/** The newest segment of each log, live or dead. */
export async function logTails(state: string): Promise<string[]> {
  const wal = join(state, 'wal')
  const tails: string[] = []
  for (const writer of (await list(wal)).filter(isWriter)) {
    const last = (await list(join(wal, writer))).filter(isSegmentFile).at(-1)
    if (last !== undefined) tails.push(join(wal, writer, last))
  }
  return tails
}
