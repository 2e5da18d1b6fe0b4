import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openEngine } from '../../src/duckdb.ts'
import { tree } from '../lake.ts'
import { eventLine, random } from '../lines.ts'
import type { Running } from '../process.ts'
import { start } from '../process.ts'
import type { Answers } from './readers.ts'
import { startReaders } from './readers.ts'

export interface Chaos extends Answers {
  /** Events that each stream has said, all accepted. */
  events: number[]
  kills: { writers: number; maintenance: number; readers: number }
  runs: { writers: number; maintenance: number }
  /** What runs that nobody killed said as they failed. */
  failures: string[]
}

const WRITERS = 4

/** Stream time between two events of one writer, ms: a hundred and eighty an hour. */
const STEP = 20_000

/** Events that a source says again when it resumes: a hundred seconds of stream, less than ingest remembers. */
const REWIND = 5

const START = Date.parse('2026-07-04T00:00:00Z')

/** The last writer is two hours behind: what it brings goes into hours that are sealed and merged already. */
function lineOf(writer: number, n: number): string {
  const time = START + n * STEP - (writer === WRITERS - 1 ? 2 * 3_600_000 : 0)
  return eventLine(n, time - n * 1000).replace(/\/k(\d+)"/, `/kw${writer}-$1"`)
}

/** Four writers, one of which is late, compaction, readers; each killed at random instants and started anew, for so many ms. */
export async function chaos(cwd: string, { seed, duration, say = () => {} }: { seed: number; duration: number; say?(text: string): void }): Promise<Chaos> {
  const chance = random(seed)
  const report: Chaos = {
    right: 0, hidden: 0, wrong: [], failed: [], longest: 0, events: [], kills: { writers: 0, maintenance: 0, readers: 0 }, runs: { writers: 0, maintenance: 0 }, failures: [],
  }
  mkdirSync(join(cwd, 'lake'))
  mkdirSync(join(cwd, 'queries', 'metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries', 'metrics', 'count.sql'), 'SELECT count(*) AS n FROM events')
  const end = Date.now() + duration
  const going = (): boolean => Date.now() < end

  async function ended({ ended }: Running, killed: () => boolean): Promise<boolean> {
    const { code, signal, stderr } = await ended
    // A signal that comes before it is listened to kills.
    if (code !== 0 && code !== 75 && signal === null && !killed()) report.failures.push(`exit code ${code}: ${stderr.trim().split('\n').at(-1)}`)
    return code === 0
  }

  async function writer(id: number): Promise<void> {
    let said = 0
    for (let last = false; !last; ) {
      let next = Math.max(0, (await lastDurable(cwd, id)) + 1 - REWIND)
      last = !going()
      const run = start('handle-stream', ['--roll-seconds', '0.3s', '--roll-rows', String(20 + Math.floor(chance() * 100))], { cwd })
      report.runs.writers++
      const { child } = run
      const open = (): boolean => child.exitCode === null && child.signalCode === null
      let killed = false
      const until = last ? 0 : Date.now() + 300 + chance() * 3000
      while (Date.now() < until && open()) {
        const count = 1 + Math.floor(chance() * 20)
        child.stdin?.write(Array.from({ length: count }, (_, k) => `${lineOf(id, next + k)}\n`).join(''))
        next += count
        said = Math.max(said, next)
        await sleep(20 + chance() * 80)
      }
      if (last) for (; next < said; next++) child.stdin?.write(`${lineOf(id, next)}\n`)
      if (!last && chance() < 0.8) {
        killed = child.kill('SIGKILL')
        report.kills.writers++
      } else if (!last && chance() < 0.5) child.kill('SIGTERM')
      child.stdin?.end()
      const well = await ended(run, () => killed)
      if (last && !well) last = false
    }
    report.events[id] = said
  }

  async function maintenance(): Promise<void> {
    while (going()) {
      const [name, ...args] = chance() < 0.5 ? ['sluice', 'compact', '--grace', '2s'] : ['periodic', '--grace', '2s']
      const run = start(name as string, args, { cwd })
      run.child.stdin?.end()
      report.runs.maintenance++
      let killed = false
      if (chance() < 0.4) {
        await Promise.race([run.ended, sleep(200 + chance() * 900)])
        killed = run.child.exitCode === null && run.child.kill('SIGKILL')
        if (killed) report.kills.maintenance++
      }
      await ended(run, () => killed)
      await sleep(chance() * 300)
    }
  }

  /** What a reader has been told, no event is there twice; they become fewer only where a listing misses an hour. */
  const most = new Map<number, number>()
  function judge(answer: string, reader: number): 'right' | 'hidden' | 'wrong' {
    const [events = 0, , twice = 0] = answer.split(',').map(Number)
    const before = most.get(reader) ?? 0
    most.set(reader, Math.max(before, events))
    if (twice > 0) return 'wrong'
    if (events >= before) return 'right'
    say(`reader ${reader} was told of ${events} events after ${before}`)
    return 'hidden'
  }

  const working = [...Array.from({ length: WRITERS }, (_, id) => writer(id)), maintenance()]
  while (!hasFiles(join(cwd, 'lake')) && going()) await sleep(100)
  const readers = await startReaders(cwd, { count: 2, slow: 0, judge })
  for (let next = Date.now() + 5000; going(); await sleep(200)) {
    if (Date.now() < next) continue
    next = Date.now() + 5000
    await readers.kill()
    report.kills.readers++
    say(`${report.runs.writers} runs of writers, ${report.runs.maintenance} of maintenance`)
  }
  Object.assign(report, await readers.stop())
  await Promise.all(working)
  return report
}

function hasFiles(lake: string): boolean {
  return tree(lake).some((path) => path.endsWith('.parquet'))
}

/** The number of the newest event of a stream that is in a log or in the lake; the logs are read first: what leaves them meanwhile is in the lake. */
async function lastDurable(cwd: string, writer: number): Promise<number> {
  const numbers = [-1]
  const wal = join(cwd, '.sluice', 'wal')
  for (const path of tree(wal)) {
    if (!path.endsWith('.ndjson')) continue
    const text = await readFile(join(wal, path), 'utf8').catch(() => '')
    for (const [, number] of text.slice(0, text.lastIndexOf('\n') + 1).matchAll(new RegExp(`/kw${writer}-(\\d+)"`, 'g'))) numbers.push(Number(number))
  }
  if (hasFiles(join(cwd, 'lake'))) {
    const engine = await openEngine({ threads: 1 })
    const session = await engine.connect()
    const [row] = await session.rows<{ last: bigint | null }>(
      `SELECT max(regexp_extract(rkey, '[0-9]+$')::BIGINT) AS last FROM read_parquet('${cwd}/lake/**', hive_partitioning = false) WHERE starts_with(rkey, 'kw${writer}-')`,
    )
    session.close()
    engine.close()
    if (row?.last != null) numbers.push(Number(row.last))
  }
  return numbers.reduce((a, b) => Math.max(a, b))
}
