import assert from 'node:assert/strict'
import { renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exactly, openEngine, quote } from '../../src/duckdb.ts'
import type { Step } from '../../src/lake/steps.ts'
import { tree } from '../lake.ts'
import type { Result, Running } from '../process.ts'
import { start, until } from '../process.ts'
import type { Stream } from './stream.ts'
import { makeStream, resume, textOf } from './stream.ts'

/** An executable and its arguments. */
export type Command = readonly [name: string, ...args: string[]]

/** A situation, and something that is done in it while a fault happens. */
export interface Scenario {
  name: string
  /** Makes the situation in an empty directory. Its outcome is copied for each run. */
  prepare(cwd: string): Promise<void>
  /** Runs the process that the fault, as SLUICE_FAULT says it, is for. */
  act(cwd: string, fault: string): Promise<Result>
  /** Steps that it is known to take, so that one which it does not take any more is noticed. */
  steps: readonly Step[]
  /** What all the streams have said, and keys of what retention takes out of it. */
  streams: readonly Stream[]
  dropped?: readonly string[]
  /** What brings the lake to rest, before whatever is sealed is merged. */
  restart(cwd: string): Promise<void>
  keep?: number
  /** While the process lies dead, readers may see events twice or not at all, and the next run finds them: only where there is no exchange. */
  torn?: boolean
}

const stream = makeStream()
/** Comes into hours that are sealed already. */
const late = makeStream({ events: 20, name: 'late-' })
/** Makes the hours of the others old. */
const newer = makeStream({ events: 20, name: 'newer-', start: Date.parse('2026-07-04T20:00:00Z') })
/** Twenty events on each of five days, and some that come when the first of them has been dropped. */
const DAY = 86_400_000
const days = [0, 1, 2, 3, 4].map((n) => makeStream({ events: 20, name: `day${n}-`, start: Date.parse('2026-06-20T10:00:00Z') + n * DAY }))
const afterwards = makeStream({ events: 20, name: 'afterwards-', start: Date.parse('2026-06-20T15:00:00Z') })
const dropped = days.slice(0, 2).flatMap(({ keys }) => keys)

const INGEST: Command = ['handle-stream', '--roll-rows', '40']
/** A platform that cannot swap two directories: the call fails, and renames stand in for it. */
const NO_EXCHANGE = 'fail@exchange#1:ENOSYS'
const COMPACT: Command = ['sluice', 'compact']
const UPGRADE: Command = ['sluice', 'upgrade', '--grace', '0s']
const DROP: Command = ['sluice', 'compact', '--keep', '2d']

export async function command(what: Command, cwd: string, { fault = '', input = '' } = {}): Promise<Result> {
  const { child, ended } = begin(what, cwd, fault)
  child.stdin?.end(input)
  return ended
}

/** Starts a command with faults as SLUICE_FAULT says them, or with `sigkill@<ms>`: that comes from outside, so long after the start. */
function begin([name, ...args]: Command, cwd: string, faults: string): Running {
  const all = faults.split(',').filter((one) => one !== '')
  const own = all.filter((one) => !one.startsWith('sigkill@'))
  const running = start(name, args, { cwd, env: { SLUICE_FAULT: own.join() } })
  for (const one of all.filter((one) => !own.includes(one))) {
    const timer = setTimeout(() => running.child.kill('SIGKILL'), Number(one.slice('sigkill@'.length)))
    running.child.on('exit', () => clearTimeout(timer))
  }
  return running
}

const over = ({ child }: Running): boolean => child.exitCode !== null || child.signalCode !== null

async function well(what: Command, cwd: string, input = ''): Promise<void> {
  const { code, stderr } = await command(what, cwd, { input })
  assert.equal(code, 0, `${what.join(' ')}: ${stderr}`)
}

async function killedAt(point: string, what: Command, cwd: string, input = ''): Promise<void> {
  const { signal, stderr } = await command(what, cwd, { fault: `kill@${point}`, input })
  assert.equal(signal, 'SIGKILL', stderr)
}

/** Runs a command that stops at a point, does something meanwhile, and lets it go on. */
export async function meanwhile(what: Command, cwd: string, options: { stop: string; fault?: string; input?: string; act(): Promise<void> }): Promise<Result> {
  const running = begin(what, cwd, `stop@${options.stop},${options.fault ?? ''}`)
  running.child.stdin?.end(options.input ?? '')
  try {
    await until(`${what.join(' ')} stops at ${options.stop}`, () => running.said.stderr.includes(`fault: stop@${options.stop}\n`) || over(running))
    await options.act()
  } finally {
    running.child.kill('SIGCONT')
  }
  return running.ended
}

const fill = (cwd: string): Promise<void> => well(INGEST, cwd, textOf(stream.lines))
/** The same, as the version before would have written every other file. */
async function fillOlder(cwd: string): Promise<void> {
  await fill(cwd)
  const files = tree(join(cwd, 'lake')).filter((_, index) => index % 2 === 0).map((path) => join(cwd, 'lake', path))
  const engine = await openEngine({ threads: 1 })
  const session = await engine.connect()
  for (const file of files) {
    await session.run(`COPY (SELECT * REPLACE (rest::JSON AS rest, extra::JSON AS extra) FROM read_parquet(${exactly(file)}, hive_partitioning = false))
      TO ${quote(join(cwd, 'older'))} (FORMAT parquet)`)
    renameSync(join(cwd, 'older'), file)
  }
  session.close()
  engine.close()
}

const fillDays = (cwd: string): Promise<void> => well(['handle-stream'], cwd, days.map(({ lines }) => textOf(lines)).join(''))
const again = (...streams: Stream[]) => async (cwd: string): Promise<void> => {
  for (const one of streams) await well(['handle-stream'], cwd, await resume(one, cwd))
}

const COMMIT: readonly Step[] = [
  'commit.directory', 'commit.seal', 'commit.sync', 'commit.rename', 'commit.settle',
  'reject.directory', 'reject.write', 'reject.sync', 'reject.rename', 'reject.settle', 'ingest.done',
]
const MERGE: readonly Step[] = [
  'compact.build', 'compact.seal', 'compact.sync', 'compact.symlink', 'compact.note', 'compact.settle', 'compact.exchange', 'late.settle', 'late.done',
]

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'ingest',
    prepare: async () => {},
    act: (cwd, fault) => command(INGEST, cwd, { fault, input: textOf(stream.lines) }),
    steps: [
      'places.make', 'identity.write', 'identity.rename', 'identity.settle',
      'wal.make', 'wal.name', 'stage.template', 'wal.create', 'wal.append', 'wal.seal', ...COMMIT, 'stage.remove', 'wal.retire',
    ],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'ingest with parquetjs',
    prepare: async () => {},
    act: (cwd, fault) => command([...INGEST, '--writer', 'parquetjs'], cwd, { fault, input: textOf(stream.lines) }),
    steps: ['stage.write'],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'ingest, safe from power loss',
    prepare: async () => {},
    async act(cwd, fault) {
      const running = begin(['handle-stream', '--durability', 'power:1ms'], cwd, fault)
      running.child.stdin?.write(textOf(stream.lines))
      await until('the log holds something', () => over(running) || tree(join(cwd, '.sluice', 'wal')).some((file) => file.endsWith('.ndjson')))
      await sleep(100)
      running.child.stdin?.end()
      return running.ended
    },
    steps: ['wal.flush'],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'ingest, safe from power loss by rolls alone',
    prepare: async () => {},
    act: (cwd, fault) => command([...INGEST, '--durability', 'power:1h'], cwd, { fault, input: textOf(stream.lines) }),
    steps: ['wal.roll'],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'a batch of many hours',
    prepare: async () => {},
    act: (cwd, fault) => command(['handle-stream'], cwd, { fault, input: days.map(({ lines }) => textOf(lines)).join('') }),
    steps: [...COMMIT, 'stage.remove'],
    streams: days,
    restart: again(...days),
  },
  {
    name: 'recovery',
    // Everything is in the log, some of it in the lake too, and something is staged.
    prepare: (cwd) => killedAt('before:ingest.done#3', INGEST, cwd, textOf(stream.lines)),
    act: (cwd, fault) => command(['handle-stream'], cwd, { fault }),
    steps: ['recover.sweep', ...COMMIT, 'wal.retire'],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'a segment that was cut',
    async prepare(cwd) {
      await killedAt('before:ingest.done#3', INGEST, cwd, textOf(stream.lines))
      const wal = join(cwd, '.sluice', 'wal')
      const last = join(wal, tree(wal).findLast((path) => path.endsWith('.ndjson')) ?? '')
      truncateSync(last, statSync(last).size >> 1)
    },
    act: (cwd, fault) => command(['handle-stream'], cwd, { fault }),
    steps: ['wal.aside', ...COMMIT],
    streams: [stream],
    // Whoever looks after it feeds what is missing, and removes what was kept.
    async restart(cwd) {
      await again(stream)(cwd)
      rmSync(join(cwd, '.sluice', 'quarantine'), { recursive: true })
    },
  },
  {
    name: 'rejects fed back',
    prepare: fill,
    act: (cwd, fault) => command(['sluice', 'rejects', '--replay'], cwd, { fault }),
    steps: ['wal.adopt'],
    streams: [stream],
    restart: again(stream),
  },
  {
    name: 'compaction',
    prepare: fill,
    act: (cwd, fault) => command(COMPACT, cwd, { fault }),
    steps: MERGE,
    streams: [stream],
    restart: async () => {},
  },
  {
    name: 'upgrade',
    prepare: fillOlder,
    act: (cwd, fault) => command(UPGRADE, cwd, { fault }),
    steps: MERGE,
    streams: [stream],
    restart: (cwd) => well(UPGRADE, cwd),
  },
  {
    name: 'compaction beside a dead log',
    // Of an hour that is sealed some files are final, and one is not.
    async prepare(cwd) {
      await well(INGEST, cwd, textOf(newer.lines))
      await killedAt('before:ingest.done#3', INGEST, cwd, textOf(stream.lines))
    },
    act: (cwd, fault) => command(COMPACT, cwd, { fault }),
    steps: MERGE,
    streams: [stream, newer],
    restart: again(stream),
  },
  {
    name: 'compaction undone',
    async prepare(cwd) {
      await fill(cwd)
      await killedAt('before:compact.exchange#1', COMPACT, cwd)
    },
    act: (cwd, fault) => command(COMPACT, cwd, { fault }),
    steps: ['undo.note', 'undo.remove', 'compact.exchange'],
    streams: [stream],
    restart: async () => {},
  },
  {
    name: 'compaction finished',
    async prepare(cwd) {
      await fill(cwd)
      await killedAt('after:compact.exchange#1', COMPACT, cwd)
    },
    act: (cwd, fault) => command([...COMPACT, '--grace', '0s'], cwd, { fault }),
    steps: ['late.settle', 'late.done', 'empty.symlink', 'empty.remove'],
    streams: [stream],
    restart: async () => {},
  },
  {
    name: 'compaction without exchange',
    prepare: fill,
    act: (cwd, fault) => command(COMPACT, cwd, { fault: `${NO_EXCHANGE},${fault}` }),
    steps: ['swap.publish', 'swap.retire', 'swap.symlink'],
    streams: [stream],
    restart: async () => {},
    torn: true,
  },
  {
    name: 'a file that comes before the renames',
    prepare: fill,
    act: (cwd, fault) =>
      meanwhile(COMPACT, cwd, { stop: 'before:swap.publish#1', fault: `${NO_EXCHANGE},${fault}`, act: () => well(INGEST, cwd, textOf(late.lines)) }),
    steps: ['swap.publish', 'late.link'],
    streams: [stream, late],
    restart: async () => {},
    torn: true,
  },
  {
    name: 'a file that comes between the renames',
    prepare: fill,
    act: (cwd, fault) =>
      meanwhile(COMPACT, cwd, { stop: 'after:swap.retire#1', fault: `${NO_EXCHANGE},${fault}`, act: () => well(INGEST, cwd, textOf(late.lines)) }),
    steps: ['swap.symlink', 'late.done'],
    streams: [stream, late],
    restart: async () => {},
    torn: true,
  },
  {
    name: 'a file that comes while an hour is merged',
    prepare: fill,
    act: (cwd, fault) => meanwhile(COMPACT, cwd, { stop: 'before:compact.note#1', fault, act: () => well(INGEST, cwd, textOf(late.lines)) }),
    steps: ['compact.carry'],
    streams: [stream, late],
    restart: async () => {},
  },
  {
    name: 'a file that comes before the exchange',
    prepare: fill,
    act: (cwd, fault) => meanwhile(COMPACT, cwd, { stop: 'before:compact.exchange#1', fault, act: () => well(INGEST, cwd, textOf(late.lines)) }),
    steps: ['late.link'],
    streams: [stream, late],
    restart: async () => {},
  },
  {
    name: 'a file that comes after the exchange',
    prepare: fill,
    act: (cwd, fault) => meanwhile(INGEST, cwd, { stop: 'before:commit.rename#1', fault, input: textOf(late.lines), act: () => well(COMPACT, cwd) }),
    steps: ['follow.link', 'follow.rename', 'follow.remove', 'follow.settle'],
    streams: [stream, late],
    restart: again(late),
  },
  {
    name: 'retention',
    prepare: fillDays,
    act: (cwd, fault) => command(DROP, cwd, { fault }),
    steps: ['drop.symlink', 'drop.exchange', 'drop.settle'],
    streams: days,
    dropped,
    restart: async () => {},
    keep: 2 * DAY,
  },
  {
    name: 'retention without exchange',
    prepare: fillDays,
    act: (cwd, fault) => command(DROP, cwd, { fault: `${NO_EXCHANGE},${fault}` }),
    steps: ['drop.rename'],
    streams: days,
    dropped,
    restart: async () => {},
    keep: 2 * DAY,
  },
  {
    name: 'an event of a date that was dropped',
    async prepare(cwd) {
      await fillDays(cwd)
      await well(DROP, cwd)
    },
    act: (cwd, fault) => command(INGEST, cwd, { fault, input: textOf(afterwards.lines) }),
    steps: ['commit.undrop'],
    streams: [...days, afterwards],
    dropped,
    restart: again(afterwards),
  },
  {
    name: 'a merged file that is gone',
    async prepare(cwd) {
      await fill(cwd)
      await well(COMPACT, cwd)
      const [merged = ''] = tree(join(cwd, 'lake')).filter((path) => path.endsWith('/1/part-000.parquet'))
      rmSync(join(cwd, 'lake', merged))
    },
    act: (cwd, fault) => command(['sluice', 'fsck', '--repair'], cwd, { fault }),
    steps: [...COMMIT.filter((step) => step.startsWith('commit.') && step !== 'commit.directory'), 'restore.release'],
    streams: [stream],
    restart: async (cwd) => void (await command(['sluice', 'fsck', '--repair'], cwd)),
  },
  {
    name: 'repair',
    async prepare(cwd) {
      await fill(cwd)
      writeFileSync(join(cwd, '.sluice', 'rejected', 'notes.txt'), '')
    },
    act: (cwd, fault) => command(['sluice', 'fsck', '--repair'], cwd, { fault }),
    steps: ['repair.move'],
    streams: [stream],
    restart: async (cwd) => void (await command(['sluice', 'fsck', '--repair'], cwd)),
  },
]
