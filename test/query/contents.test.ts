import assert from 'node:assert/strict'
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import type { Result } from './workplace.ts'
import { addToLake, periodic, workplace, write } from './workplace.ts'

const LIKES = (count: number, hour: number): string =>
  `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' + to_seconds(i) AS event_time, 'did:plc:' || i AS did FROM range(${count}) AS r(i)`
const COUNT = { 'queries/metrics/count.sql': '/* accumulates: {sum: [n]} */ SELECT count(*) AS n FROM events' }

/** Nonsense in place of a file, and the time at which it was changed. */
function replace(path: string, changed: Date): void {
  writeFileSync(path, Buffer.alloc(statSync(path).size, 0xff))
  utimesSync(path, changed, changed)
}

test('a file that a run has seen is not opened again, unless it became another one, or by --full', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  // Of the first file any run reads the columns.
  await addToLake(cwd, LIKES(3, 9))
  const [seen = ''] = await addToLake(cwd, LIKES(5, 10))
  const changed = new Date('2026-07-04T12:00:00Z')
  utimesSync(seen, changed, changed)
  const first = await periodic(cwd)
  assert.deepEqual([first.code, first.stderr], [0, ''])

  const whole = readFileSync(seen)
  replace(seen, changed)
  await addToLake(cwd, LIKES(2, 11))
  const second = await periodic(cwd)
  assert.deepEqual([second.code, second.stderr], [0, ''])
  assert.match(second.stdout, /^lake: 3 files, 10 events, newest 2026-07-04 11:00:01 /)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n10\n')

  const named = ({ code, stderr }: Result): void => {
    assert.equal(code, 1, stderr)
    assert.match(stderr, /^queries\/metrics\/count\.sql: expected lake\/date=2026-07-04\/hour=10\/0\/\S+a00000-00000001\.parquet to be a complete Parquet file .*; run 'sluice fsck --repair'; /)
  }
  named(await periodic(cwd, ['--full']))
  replace(seen, new Date('2026-07-04T12:00:01Z'))
  named(await periodic(cwd))
  writeFileSync(seen, whole)
  const last = await periodic(cwd)
  assert.match(last.stdout, /^lake: 3 files, 10 events, newest 2026-07-04 11:00:01 /)
})

test('the newest event is that of all files, whichever run saw them; a file without events has none', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  const [empty = ''] = await addToLake(cwd, LIKES(1, 9), 'empty')
  const engine = await openEngine({ threads: 1 })
  t.after(() => engine.close())
  await (await engine.connect()).run(`COPY (FROM read_parquet('${empty}', hive_partitioning = false) LIMIT 0) TO '${empty}' (FORMAT parquet)`)
  assert.match((await periodic(cwd)).stdout, /^lake: 1 file, 0 events, no times\n/)
  await addToLake(cwd, LIKES(4, 12))
  assert.match((await periodic(cwd)).stdout, /^lake: 2 files, 4 events, newest 2026-07-04 12:00:03 /)
  await addToLake(cwd, LIKES(3, 10))
  assert.match((await periodic(cwd)).stdout, /^lake: 3 files, 7 events, newest 2026-07-04 12:00:03 /)
})
