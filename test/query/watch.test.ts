import assert from 'node:assert/strict'
import type { ChildProcessByStdio } from 'node:child_process'
import { readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { acquire } from '../../src/lake/lock.ts'
import type { Result } from './workplace.ts'
import { addToLake, batch, ended, exists, start, until, workplace, write } from './workplace.ts'

const COUNT = { 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' }
const LIKES = (hour: number): string => `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' AS event_time`

interface Loop {
  child: ChildProcessByStdio<null, Readable, Readable>
  result: Promise<Result>
  /** The `run` line of each finished run. */
  runs: () => { files: number; ok: number; failed: number }[]
}

function loop(t: TestContext, cwd: string, args: string[]): Loop {
  const child = start(cwd, ['--json', ...args])
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  child.stdout.on('data', (text) => (stdout += String(text)))
  const complete = (): string[] => stdout.split('\n').slice(0, -1)
  return {
    child,
    result: ended(child),
    runs: () => complete().map((line) => JSON.parse(line) as { run?: string; files: number; ok: number; failed: number }).filter(({ run }) => run !== undefined),
  }
}

test('--watch runs at once and whenever Parquet files arrive, even where there was no lake yet; SIGINT ends it', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  const { child, result, runs } = loop(t, cwd, ['--watch', '--lake', 'not/yet/lake'])
  await until('the first run is over', () => runs().length === 1)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n0\n')

  // As the first batch of a new lake comes: all directories at once.
  await addToLake(cwd, LIKES(10))
  write(cwd, { 'not/yet/neighbour.parquet': '' })
  renameSync(join(cwd, 'lake'), join(cwd, 'not/yet/lake'))
  await until('the second run is over', () => runs().length === 2)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n1\n')

  // What is no Parquet file of the lake makes no run: the third one sees the next file.
  write(cwd, { 'other/x.parquet': '', 'not/yet/lake/x.txt': '' })
  await new Promise((resolve) => setTimeout(resolve, 700))
  rmSync(join(cwd, 'not/yet/lake/x.txt'))
  const [file = ''] = await addToLake(cwd, LIKES(11))
  renameSync(file, join(cwd, 'not/yet/lake/date=2026-07-04/hour=10/0', batch('b')))
  await until('the third run is over', () => runs().length === 3)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n2\n')
  assert.deepEqual(runs().map(({ files }) => files), [0, 1, 2])

  child.kill('SIGINT')
  const { code, signal, stderr } = await result
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
})

test('--every runs again and again, a broken model included, until SIGTERM', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/bad.sql': 'SELECT nosuch' })
  const { child, result, runs } = loop(t, cwd, ['--every', '100ms'])
  await until('three runs are over', () => runs().length >= 3)
  await addToLake(cwd, LIKES(10))
  await until('the new file is seen', () => runs().at(-1)?.files === 1)
  write(cwd, { 'queries/metrics/bad.sql': 'SELECT 1 AS mended' })
  await until('the mended model runs', () => runs().at(-1)?.failed === 0)
  child.kill('SIGTERM')
  const { code, signal } = await result
  assert.deepEqual({ code, signal }, { code: 0, signal: null })
  assert.equal(readFileSync(join(cwd, 'metrics/bad.csv'), 'utf8'), 'mended\n1\n')
})

test('a signal ends a query that runs, and its last result stays', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    ...COUNT,
    'queries/metrics/slow.sql': 'SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3',
    'metrics/slow.csv': 'n\n7\n',
  })
  const { child, result } = loop(t, cwd, ['--every', '1s'])
  await until('the slow query has begun', () => exists(cwd, 'metrics/count.csv'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  child.kill('SIGINT')
  const { code, signal, stderr } = await result
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  assert.equal(readFileSync(join(cwd, 'metrics/slow.csv'), 'utf8'), 'n\n7\n')
})

test('a loop waits for another periodic and then runs', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, '.sluice/periodic.lock': '' })
  const lock = await acquire(join(cwd, '.sluice/periodic.lock'), Date.now())
  const { child, result, runs } = loop(t, cwd, ['--every', '1h'])
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.equal(child.exitCode, null)
  assert.equal(runs().length, 0)
  lock?.release()
  await until('it has run', () => runs().length === 1)
  child.kill('SIGINT')
  assert.equal((await result).code, 0)
})

test('a lake that breaks fails what needs it, run after run; the loop goes on, and sees it mended', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  const [file = ''] = await addToLake(cwd, LIKES(10))
  const { child, result, runs } = loop(t, cwd, ['--watch'])
  await until('the first run is over', () => runs().length === 1)
  write(cwd, { [`lake/date=2026-07-04/hour=11/0/${batch('torn')}`]: 'no' })
  await until('the second run is over', () => runs().length === 2)
  rmSync(join(cwd, 'lake/date=2026-07-04/hour=11'), { recursive: true })
  renameSync(file, file.replace(batch('a'), batch('b')))
  await until('the third run is over', () => runs().length === 3)
  child.kill('SIGINT')
  const { code, stderr } = await result
  assert.equal(code, 0)
  assert.deepEqual(runs().map(({ failed }) => failed), [0, 1, 0])
  assert.match(stderr, /^queries\/metrics\/count\.sql: expected lake\/date=2026-07-04\/hour=11\/0\/\S+ to be a complete Parquet file/m)
})
