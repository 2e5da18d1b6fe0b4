import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { EXIT, Failure } from '../failure.ts'
import { commitFile } from '../lake/commit.ts'
import type { Disk } from '../lake/disk.ts'
import { list } from '../lake/disk.ts'
import { markHeld } from '../lake/identity.ts'
import { acquireDirectory } from '../lake/lock.ts'
import { formatHour, formatSegment, writerOf } from '../lake/names.ts'
import { PRIVATE } from '../lake/private.ts'
import { createDedup } from './dedup.ts'
import type { Input } from './input.ts'
import { createFramer } from './lines.ts'
import { keepRejects } from './reject.ts'
import type { Segment } from './segment.ts'
import { accountProblem, contentsOf, contentsProblem, lengthProblem } from './segment.ts'
import { eachInTurn } from './turns.ts'
import type { Wal } from './wal.ts'
import { abandoned, hasLog, setAside } from './wal.ts'
import type { Batch, Writer } from './writer.ts'

/** One file that became part of the lake. */
export interface Committed {
  path: string
  /** `date=2026-07-04/hour=14`. */
  partition: string
  rows: number
  segment: string
}

/** What became of one segment. */
export interface Report extends Omit<Batch, 'files' | 'rejects'> {
  segment: string
  files: Committed[]
  rejected: number
  bytes: number
}

export interface Place {
  lake: string
  state: string
  /** Of the lake. */
  id: string
  disk: Disk
  now: () => number
  /** One sentence for the operator, about what goes on all the same. */
  say?: (sentence: string) => void
}

/** Segments that may wait for a lane: enough to keep the lanes busy while others are being fsynced. */
const WAITING = 2

/** The way of a segment into the lake, several at a time. */
export interface Pipeline {
  /** Takes a segment; resolves when there is room for another. */
  push(segment: Segment): Promise<void>
  /** Resolves when every segment taken is in the lake; rejects with the first failure. */
  settled(): Promise<void>
}

/** What is told of a pipeline's work. */
export interface Listener {
  report(report: Report): void
  failure(error: unknown): void
  /** A segment is not what it was when it was written; it is still in its log. */
  damaged(segment: Segment, problem: string): Promise<void>
}

export function createPipeline(place: Place, writer: Writer, listener: Omit<Listener, 'damaged'> & Partial<Listener>): Pipeline {
  const on: Listener = {
    async damaged(_segment, problem) {
      throw new Failure(`${problem}; look for what else writes to ${place.state}, then start again: what is left of it is kept`, EXIT.io)
    },
    ...listener,
  }
  const { lake, state, id, disk, now } = place
  const dedup = createDedup(place, writer.readIdentities, place.say ?? (() => {}))
  const lanes = [...writer.lanes]
  const waiting: (() => void)[] = []
  const running = new Set<Promise<void>>()
  /** Resolved when all segments before the next one know their repetitions. */
  let turn: Promise<unknown> = Promise.resolve()
  let held: Promise<void> | undefined
  let failed: { error: unknown } | undefined

  async function take(segment: Segment): Promise<void> {
    const before = turn
    let done = (): void => {}
    turn = new Promise<void>((resolve) => (done = resolve))
    if (lanes.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    const convert = lanes.pop() as Writer['lanes'][number]
    const name = formatSegment(segment.name)
    let batch: Batch | undefined
    let problem: string | undefined
    try {
      problem = await lengthProblem(segment)
      if (problem === undefined) {
        const { events, rejects, identities, finish } = await convert(segment, { staged: join(state, 'staging', name), now: now() })
        problem = segment.holds && accountProblem(segment.path, segment.holds.lines, { events, rejected: rejects.length })
        if (problem === undefined) {
          await before
          const duplicates = identities ? await dedup.filterDuplicates(name, identities) : []
          done()
          batch = { events, rejects, repeated: duplicates.length, ...(await finish(duplicates)) }
        }
      }
    } finally {
      await before
      done()
      lanes.push(convert)
      waiting.shift()?.()
    }
    // Nothing of it has become part of the lake.
    if (!batch) return on.damaged(segment, problem as string)
    const files = await eachInTurn(batch.files, async ({ path, hour, rows }): Promise<Committed> => {
      return { path: await commitFile(disk, path, { lake, id, hour, segment: segment.name }), partition: formatHour(hour), rows, segment: name }
    })
    // Before the segment goes: from then on an empty lake is not this one.
    if (files.length > 0) await (held ??= markHeld(disk, state, id))
    await keepRejects(disk, state, segment.name, batch.rejects, new Date(segment.closedAt))
    await disk.remove(segment.path, 'ingest.done')
    dedup.committed(name, files.map(({ path }) => path))
    on.report({ ...batch, segment: name, files, rejected: batch.rejects.length, bytes: segment.bytes })
  }

  function check(): void {
    if (failed) throw failed.error
  }

  return {
    async push(segment) {
      check()
      const task: Promise<void> = take(segment).catch((error: unknown) => {
        failed ??= { error }
        on.failure(failed.error)
      })
      running.add(task)
      void task.then(() => running.delete(task))
      while (running.size >= writer.lanes.length + WAITING && !failed) await Promise.race(running)
      check()
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
      check()
    },
  }
}

/** What became of what dead writers left. */
export interface Recovered {
  segments: Report[]
  /** Files of theirs removed from `staging/`. */
  swept: number
  /** Segments that are not what they were when they were written: a sentence for each. */
  setAside: string[]
}

/**
 * Converts what dead writers left in their logs. The writer is asked for only if there is any. One recovery at a time: who comes second
 * would find the logs held, and take in again what a source repeats of segments that are not in the lake yet.
 */
export async function recover(place: Place, openWriter: () => Promise<Writer>): Promise<Recovered> {
  const { lake, state, disk, now } = place
  const done: Recovered = { segments: [], swept: 0, setAside: [] }
  const wal = join(state, 'wal')
  await disk.makeDirectory(wal, 'places.make', PRIVATE)
  const turn = await acquireDirectory(wal, { say: place.say })
  let writer: Writer | undefined

  async function aside(segment: Segment, problem: string): Promise<void> {
    const sentence = `${problem}; it is kept as ${await setAside(disk, state, segment)}: see 'sluice fsck'`
    done.setAside.push(sentence)
    place.say?.(sentence)
  }

  try {
    for await (const left of abandoned(disk, state, now())) {
      // Before anything is staged under the same names: what lies there can be one file with what is in the lake.
      done.swept += await sweepStaging(place, (writer) => writer === left.writer)
      if (left.segments.length > 0) {
        await disk.makeDirectory(lake, 'places.make')
        // One for each log: what repeats itself does so within a stream, and each stream is at a time of its own.
        writer ??= await openWriter()
        const pipeline = createPipeline(place, writer, { report: (report) => void done.segments.push(report), failure: () => {}, damaged: aside })
        try {
          for (const segment of left.segments) {
            // A sign of life, for whoever waits.
            await utimes(wal, now() / 1000, now() / 1000)
            const found = await contentsOf(segment.path)
            const problem = contentsProblem(segment.path, { holds: segment.holds, found })
            if (problem !== undefined) await aside(segment, problem)
            // One that its writer did not close holds whatever is in it.
            else await pipeline.push({ ...segment, holds: found })
          }
        } finally {
          // Whoever gets the failure closes the writer: nothing may be under way in it.
          await pipeline.settled()
        }
      }
      await left.release()
    }
    done.swept += await sweepStaging(place, (writer) => !hasLog(state, writer))
  } finally {
    turn.release()
  }
  return done
}

/** Removes what these writers, which must be dead, left in `staging/`; gives how many entries. A live one has a log before it stages anything. */
async function sweepStaging({ state, disk }: Place, of: (writer: string) => boolean): Promise<number> {
  const staging = join(state, 'staging')
  const stale = (await list(staging)).filter((name) => {
    const writer = writerOf(name)
    return writer !== undefined && of(writer)
  })
  for (const name of stale) await disk.removeTree(join(staging, name), 'recover.sweep')
  return stale.length
}

export interface Roll {
  /** ms after the first line of a segment. */
  after: number
  rows: number
  bytes: number
}

/**
 * Reads lines until the input ends or is stopped: each chunk to the WAL first, each rolled segment through the pipeline.
 * While the pipeline is full, the input is not read. `read` is told of every run of lines.
 */
export async function ingest(input: Input, wal: Wal, pipeline: Pipeline, options: { roll: Roll; now: () => number; read(lines: number, bytes: number): void }): Promise<void> {
  const { roll, now } = options
  const framer = createFramer()
  let timer: NodeJS.Timeout | undefined
  let rolling: Promise<void> = Promise.resolve()

  function rollNow(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    rolling = rolling.then(async () => {
      const segment = await wal.roll(now())
      if (segment) await pipeline.push(segment)
    })
    // Awaited by the next roll or at the end; a failure also stops the input.
    rolling.catch(() => {})
    return rolling
  }

  const room = (): { lines: number; bytes: number } => ({ lines: roll.rows - wal.open().lines, bytes: roll.bytes - wal.open().bytes })

  async function take(runs: ReturnType<typeof framer.push>): Promise<void> {
    for (const run of runs) {
      wal.append(run)
      options.read(run.lines, run.bytes)
      timer ??= setTimeout(() => void rollNow(), roll.after)
      if (room().lines <= 0 || room().bytes <= 0) await rollNow()
    }
  }

  try {
    for await (const chunk of input) await take(framer.push(chunk, room))
  } finally {
    clearTimeout(timer)
  }
  await take(framer.end())
  await rollNow()
  await pipeline.settled()
}
