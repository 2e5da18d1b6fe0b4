import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { openEngine, quote } from '../../src/duckdb.ts'
import { openDisk } from '../../src/lake/disk.ts'
import { formatFile, HOUR_MS } from '../../src/lake/names.ts'
import { columnDefinitions } from '../../src/lake/schema.ts'
import { seal } from '../../src/lake/seal.ts'
import { run } from '../process.ts'
import { periodic, workplace, write } from './workplace.ts'

const FIRST = Date.parse('2026-06-01T00:00:00Z') / HOUR_MS
const WRITER = '20260701T000000000Z-abcdef'

const QUERIES = {
  'queries/metrics/per-hour.sql': `/* accumulates: {sum: [n]} */ SELECT date_trunc('hour', event_time) AS hour, count(*) AS n FROM events GROUP BY 1 ORDER BY 1`,
  'queries/metrics/bursts.sql': `/* accumulates: {max: [n], window: 60s} */
    WITH counted AS (
      SELECT date_trunc('minute', event_time) AS minute, count(*) OVER (PARTITION BY did ORDER BY event_time RANGE BETWEEN CURRENT ROW AND INTERVAL 59 SECOND FOLLOWING) AS n
      FROM events
    )
    SELECT minute, max(n) AS n FROM counted GROUP BY 1 ORDER BY 1`,
  'queries/staging/seen.sql': '/* accumulates: {rows: true} */ SELECT did, hour FROM events',
  'queries/metrics/total.sql': 'SELECT count(*) AS n, count(DISTINCT did) AS users, sum(hour) AS hours FROM seen',
}

/** Puts one sealed file of so many events into each of these hours, half of them at its beginning, half at its end. */
async function fill(cwd: string, hours: readonly number[], { each, sequence }: { each: number; sequence: number }): Promise<string[]> {
  const engine = await openEngine({ threads: 1 })
  const session = await engine.connect()
  await session.run(`CREATE TABLE events (${columnDefinitions()})`)
  const files: string[] = []
  for (const hour of hours) {
    const path = join(cwd, 'lake', formatFile({ hour, generation: 0, segment: { writer: WRITER, sequence } }))
    await session.run(
      `COPY (FROM events UNION ALL BY NAME SELECT make_timestamptz(${hour * HOUR_MS * 1000} + CASE WHEN i % 2 = 0 THEN i ELSE 3599 - i END * 1000000) AS event_time, 'commit' AS kind, 'did:' || (i // 2 % 3) AS did FROM range(${each}) AS r(i))
      TO ${quote(join(cwd, 'staged'))} (FORMAT parquet)`,
    )
    await seal(openDisk(), join(cwd, 'staged'), { lake: 'a', step: 'stage.write' })
    mkdirSync(dirname(path), { recursive: true })
    renameSync(join(cwd, 'staged'), path)
    // Of whole milliseconds, which can be set again.
    utimesSync(path, TIME, TIME)
    files.push(path)
  }
  engine.close()
  return files
}

const TIME = new Date('2026-07-01T00:00:00Z')

/** Nonsense in place of a file, with its size and its time. */
function spoil(file: string): void {
  writeFileSync(file, Buffer.alloc(statSync(file).size, 0xff))
  utimesSync(file, TIME, TIME)
}

test('over many hours a run opens no file that one before it has seen, keeps few files, and computes what is new alone', async (t) => {
  const cwd = workplace(t)
  write(cwd, QUERIES)
  const hours = Array.from({ length: 200 }, (_, n) => FIRST + n)
  const files = await fill(cwd, hours, { each: 8, sequence: 1 })
  const [damaged = ''] = files
  const whole = readFileSync(damaged)
  const results = (directory = 'metrics'): string[] => readdirSync(join(cwd, directory)).sort().map((file) => readFileSync(join(cwd, directory, file), 'utf8'))
  const kept = (): string[] => readdirSync(join(cwd, '.sluice/contributions'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.parquet')).sort()
  const total = (events: [count: number, hour: number][]): string =>
    `n,users,hours\n${events.reduce((sum, [count]) => sum + count, 0)},3,${events.reduce((sum, [count, hour]) => sum + count * (hour % 24), 0)}\n`

  // A file of many that is damaged: the others are packed without it.
  truncateSync(damaged, whole.length - 9)
  const torn = await periodic(cwd)
  assert.equal(torn.code, 1)
  assert.match(torn.stderr, /^queries\/metrics\/per-hour\.sql: expected lake\/date=2026-06-01\/hour=00\/\S+ to be a complete Parquet file/m)
  writeFileSync(damaged, whole)
  utimesSync(damaged, TIME, TIME)
  const first = await periodic(cwd)
  assert.deepEqual([first.code, first.stderr], [0, ''])
  const events = hours.map((hour): [number, number] => [8, hour])
  assert.equal(results()[2], total(events))
  assert.equal(results()[1]?.split('\n').length, 200 + 2)
  // In the last minute of each hour but the last, users have events of the next hour near.
  assert.equal(results()[0]?.split('\n').filter((line) => /:59:00,(3|4)$/.test(line)).length, 199)
  assert.ok(kept().length <= 3 * 4, `${kept().length} files`)
  assert.equal((await periodic(cwd, ['--full', '--state', 'other', '--metrics', 'full'])).code, 0)
  assert.deepEqual(results(), results('full'))

  const before = kept()
  // All but what lies within the window of the events to come.
  files.slice(0, -2).forEach(spoil)
  await fill(cwd, [FIRST + 199, FIRST + 200], { each: 3, sequence: 2 })
  const second = await periodic(cwd, ['--seal-after', '1000000h'])
  assert.deepEqual([second.code, second.stderr], [0, ''])
  assert.equal(results()[2], total([...events, [3, FIRST + 199], [3, FIRST + 200]]))
  const after = kept()
  // Of each model, what its two hours say: one that adds to a file that is kept, and a new one.
  assert.deepEqual([after.filter((file) => !before.includes(file)).length, before.filter((file) => !after.includes(file)).length], [2 * 3, 3])

  const { stdout } = await run('sluice', ['status', '--json'], { cwd })
  const status = JSON.parse(stdout) as { files: number; rows: number; warnings: string[] }
  assert.deepEqual([status.files, status.rows], [202, 1606])
  // Without what periodic remembers, each of them is opened.
  writeFileSync(join(cwd, '.sluice/contents.json'), 'null')
  const opened = JSON.parse((await run('sluice', ['status', '--json'], { cwd })).stdout) as { rows: number; warnings: string[] }
  assert.equal(opened.rows, 22)
  assert.ok(opened.warnings.some((warning) => warning.includes('198 files of the lake cannot be read')), opened.warnings.join('\n'))
})
