import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Step } from '../../src/lake/steps.ts'
import type { Result } from '../process.ts'
import { start, until } from '../process.ts'
import type { Command } from './settle.ts'
import { COMPACT, command, exactlyOnce, nothingTwice, well } from './settle.ts'
import type { Stream } from './stream.ts'
import { makeStream, resume, textOf } from './stream.ts'

/** A situation, and the command in which things go wrong. */
export interface Scenario {
  name: string
  /** Makes the situation in an empty directory. Its outcome is kept and copied. */
  prepare(cwd: string): Promise<void>
  command: Command
  /** What the command reads. */
  input?: string
  /** Steps that the command takes: named here so that one which is no longer reached is noticed. */
  steps: readonly Step[]
  /** What brings the lake to rest afterwards, instead of a resuming source and a compaction. */
  settle?(cwd: string): Promise<void>
  /** Streams and what of them has been dropped. */
  expected?: { streams: readonly Stream[]; without?: readonly string[] }
}

const stream = makeStream()
const INGEST: Command = ['handle-stream', '--roll-rows', '40']

/** Days apart, to be dropped by age: twenty events on each of five days. */
const DAY = 86_400_000
const days = [0, 1, 2, 3, 4].map((n) => makeStream({ events: 20, name: `d${n}-`, start: Date.parse('2026-06-20T10:00:00Z') + n * DAY }))
const DROP: Command = ['sluice', 'compact', '--keep', '2d', '--grace', '0s']
/** Comes when its date has been dropped. */
const late = makeStream({ events: 20, name: 'late-', start: Date.parse('2026-06-20T15:00:00Z') })

const filled = async (cwd: string): Promise<void> => void (await well(INGEST, cwd, textOf(stream.lines)))
const droppable = async (cwd: string): Promise<void> => void (await well(['handle-stream'], cwd, days.map(({ lines }) => textOf(lines)).join('')))
const killedAt = (fault: string, what: Command, input = '') => async (cwd: string): Promise<void> => {
  const { signal, stderr } = await command(what, cwd, { fault: `kill@${fault}`, input })
  assert.equal(signal, 'SIGKILL', stderr)
}

const COMMIT: readonly Step[] = ['commit.directory', 'commit.sync', 'commit.rename', 'commit.settle', 'reject.directory', 'reject.write', 'reject.sync', 'reject.rename', 'reject.settle', 'ingest.done']
const WAL: readonly Step[] = ['places.make', 'wal.make', 'wal.name', 'wal.create', 'wal.append', 'wal.retire']
const MERGE: readonly Step[] = ['compact.build', 'compact.sync', 'compact.symlink', 'compact.note', 'compact.settle', 'compact.exchange', 'compact.exchanged', 'late.settle', 'late.done']

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'ingest',
    prepare: async () => {},
    command: INGEST,
    input: textOf(stream.lines),
    steps: [...WAL, 'stage.template', 'stage.remove', ...COMMIT],
  },
  {
    name: 'ingest with parquetjs',
    prepare: async () => {},
    command: [...INGEST, '--writer', 'parquetjs'],
    input: textOf(stream.lines),
    steps: ['stage.write'],
  },
  {
    name: 'ingest, durable through power loss',
    prepare: async () => {},
    command: [...INGEST, '--durability', 'power:1ms'],
    input: textOf(stream.lines),
    steps: ['wal.roll'],
  },
  {
    name: 'recovery',
    // All is in the log, some of it in the lake too, and something is staged.
    prepare: killedAt('before:ingest.done#3', INGEST, textOf(stream.lines)),
    command: ['handle-stream'],
    steps: [...COMMIT, 'recover.sweep', 'wal.retire', 'stage.remove'],
  },
  {
    name: 'rejects fed back',
    prepare: filled,
    command: ['sluice', 'rejects', '--replay'],
    steps: ['wal.adopt'],
  },
  { name: 'compaction', prepare: filled, command: ['sluice', 'compact'], steps: MERGE },
  {
    name: 'compaction beside a log',
    // A file in a sealed hour whose segment is still in a log.
    prepare: killedAt('before:ingest.done#2', INGEST, textOf(stream.lines)),
    command: ['sluice', 'compact'],
    steps: ['compact.carry'],
  },
  {
    name: 'undoing a compaction',
    prepare: async (cwd) => {
      await filled(cwd)
      await killedAt('before:compact.exchange#1', ['sluice', 'compact'])(cwd)
    },
    command: ['sluice', 'compact'],
    steps: ['undo.note', 'undo.remove', ...MERGE],
  },
  {
    name: 'finishing a compaction',
    prepare: async (cwd) => {
      await filled(cwd)
      await killedAt('after:compact.exchange#1', ['sluice', 'compact'])(cwd)
    },
    command: COMPACT,
    steps: ['late.settle', 'late.done', 'empty.symlink', 'empty.remove'],
  },
  {
    name: 'late files during a compaction',
    prepare: async (cwd) => {
      await filled(cwd)
      await lateCommit(cwd, 'before:compact.exchange#1', 'kill@after:compact.exchange#1')
    },
    command: COMPACT,
    steps: ['late.link', 'late.settle', 'late.done'],
    expected: { streams: [stream, ...[makeStream({ events: 20, name: 'late-' })]] },
  },
  {
    name: 'retention',
    prepare: droppable,
    command: ['sluice', 'compact', '--keep', '2d'],
    steps: ['drop.symlink', 'drop.exchange', 'drop.settle'],
    settle: async (cwd) => {
      await well(DROP, cwd)
      await well(DROP, cwd)
    },
    expected: { streams: days, without: days.slice(0, 2).flatMap(({ keys }) => keys.slice(0, 10)) },
  },
]

/** Commits late events while a compaction is stopped at `at`, and lets it go on to `then`. */
async function lateCommit(cwd: string, at: string, then: string): Promise<void> {
  const compaction = start('sluice', ['compact'], { cwd, env: { SLUICE_FAULT: `stop@${at},${then}` } })
  await until('it stops', () => compaction.said.stderr.includes('stop@'))
  await well(['handle-stream'], cwd, textOf(makeStream({ events: 20, name: 'late-' }).lines))
  compaction.child.kill('SIGCONT')
  await compaction.ended
}

export { days, late, stream, COMMIT, DROP, cpSync, mkdtempSync, rmSync, writeFileSync, tmpdir, join, nothingTwice, exactlyOnce, resume }
export type { Result }
