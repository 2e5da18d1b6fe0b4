import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { addToLake, batch, exists, periodic, workplace, write } from './workplace.ts'

const LIKES = (count: number, hour = 10): string =>
  `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' + to_seconds(i) AS event_time, 'did:plc:' || i AS did FROM range(${count}) AS r(i)`
const COUNT = { 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' }

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

test('a damaged file of the lake fails the metrics that need it, by its name; others are published, and no result is replaced', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/metrics/all.sql': 'SELECT count(did) AS n, max(event_time) AS t FROM events',
    'queries/metrics/above.sql': 'SELECT n FROM "all"',
    'queries/metrics/by-hour.sql': "/* accumulates: {sum: [n]} */ SELECT date_trunc('hour', event_time) AS h, count(did) AS n FROM events GROUP BY ALL ORDER BY h",
    'queries/metrics/none.sql': 'SELECT 1 AS one',
  })
  const [file = ''] = await addToLake(cwd, `SELECT event_time, md5(did) AS did FROM (${LIKES(3000)})`)
  const [second = ''] = await addToLake(cwd, LIKES(2, 11))
  const third = join(cwd, 'lake/date=2026-07-04/hour=12/0')
  assert.equal((await periodic(cwd)).code, 0)
  const good = readFileSync(file)
  const results = ['all', 'above', 'by-hour'].map((name) => readFileSync(join(cwd, `metrics/${name}.csv`), 'utf8'))
  assert.equal(results[2], 'h,n\n2026-07-04 10:00:00,3000\n2026-07-04 11:00:00,2\n')
  let ones = 1
  const damaged = async (name: string, said = ''): Promise<void> => {
    write(cwd, { 'queries/metrics/none.sql': `SELECT ${++ones} AS one` })
    // What was kept of the sound hours is as it was: they are computed once, and then not again.
    const { code, stdout, stderr } = await periodic(cwd)
    assert.equal(code, 1, stderr)
    assert.match(stdout, /^1 file of the lake is damaged: /m)
    const sentence = `expected ${name} to be a complete Parquet file with the lake's columns, got: `
    assert.deepEqual(lines(stderr).map((line) => line.split(': ', 1)[0]), ['queries/metrics/all.sql', 'queries/metrics/by-hour.sql'], stderr)
    for (const line of lines(stderr)) {
      assert.ok(line.includes(`.sql: ${sentence}${said}`), line)
      assert.ok(line.endsWith("; run 'sluice fsck --repair'; the last good result stays"), line)
    }
    assert.match(stdout, /^above +skipped +needs all$/m)
    assert.deepEqual(['all', 'above', 'by-hour'].map((name) => readFileSync(join(cwd, `metrics/${name}.csv`), 'utf8')), results)
    assert.equal(readFileSync(join(cwd, 'metrics/none.csv'), 'utf8'), `one\n${ones}\n`)
  }
  const relative = (path: string): string => path.slice(cwd.length + 1)
  truncateSync(second, statSync(second).size - 20)
  await damaged(relative(second))
  truncateSync(second, 0)
  await damaged(relative(second), 'File too small to be a Parquet file')
  // Whole at both ends, nonsense within: DuckDB's message names no file.
  const nonsense = Buffer.from(good)
  nonsense.fill(0xff, 4, nonsense.length - 8 - nonsense.readUInt32LE(nonsense.length - 8))
  rmSync(second)
  mkdirSync(third, { recursive: true })
  writeFileSync(join(third, batch('a')), nonsense)
  await damaged(relative(join(third, batch('a'))))
  // Whole, of another table: DuckDB says what it lacks and not which it is.
  const engine = await openEngine({ threads: 1 })
  t.after(() => engine.close())
  const session = await engine.connect()
  rmSync(third, { recursive: true })
  await session.run(`COPY (SELECT * RENAME (did AS who) FROM read_parquet('${file}')) TO '${file}.other' (FORMAT parquet)`)
  renameSync(`${file}.other`, file)
  await damaged(relative(file), 'no column did')
  // Not even one that is sound is left.
  writeFileSync(file, 'no')
  await damaged(relative(file))
  writeFileSync(file, good)
  assert.equal((await periodic(cwd)).code, 0)
  assert.equal(readFileSync(join(cwd, 'metrics/all.csv'), 'utf8'), 'n,t\n3000,2026-07-04 10:49:59\n')
})

test('while one hour is damaged, the other hours are computed and kept', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/metrics/by-hour.sql': "/* accumulates: {sum: [n]} */ SELECT date_trunc('hour', event_time) AS h, count(did) AS n FROM events GROUP BY ALL ORDER BY h" })
  const hours = [9, 10, 11, 12]
  for (const hour of hours) await addToLake(cwd, `SELECT event_time, md5(did) AS did FROM (${LIKES(1000, hour)})`)
  const path = join(cwd, 'lake/date=2026-07-04/hour=11/0', batch('a'))
  const good = readFileSync(path)
  const kept = (): string[] => {
    const { content } = JSON.parse(readFileSync(join(cwd, '.sluice/contributions/by-hour/ledger.json'), 'utf8')) as { content: { contributions: { hours: number[] }[] } }
    return content.contributions.flatMap((one) => one.hours).map((hour) => new Date(hour * 3_600_000).toISOString().slice(11, 13)).sort()
  }
  // Its footer tells nothing of it: it is found out while the hours of the date are computed together.
  const nonsense = Buffer.from(good)
  nonsense.fill(0xff, 4, nonsense.length - 8 - nonsense.readUInt32LE(nonsense.length - 8))
  writeFileSync(path, nonsense)
  assert.equal((await periodic(cwd)).code, 1)
  assert.deepEqual(kept(), ['09', '10', '12'])
  assert.equal(exists(cwd, 'metrics/by-hour.csv'), false)
  writeFileSync(path, good)
  assert.equal((await periodic(cwd)).code, 0)
  assert.equal(readFileSync(join(cwd, 'metrics/by-hour.csv'), 'utf8'), `h,n\n${hours.map((hour) => `2026-07-04 ${String(hour).padStart(2, '0')}:00:00,1000\n`).join('')}`)
})

test('strangers in the lake stop nothing, and are told by their own names', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  await addToLake(cwd, LIKES(3))
  write(cwd, {
    'lake/.DS_Store': 'not Parquet, but what a glob would read',
    'lake/README.md': '',
    'lake/date=2026-07-04/hour=10/notes.txt': 'a note',
    'lake/date=2026-07-04/hour=10/0/copy.parquet': '',
    'lake/backup/date=2026-07-04/hour=10/0/x.parquet': 'x',
  })
  mkdirSync(join(cwd, 'lake/empty'))
  symlinkSync('nowhere', join(cwd, 'lake/date=2026-07-04/hour=10/0', batch('link')))
  const strangers = ['.DS_Store', 'README.md', 'backup/', ...['copy.parquet', batch('link')].map((name) => `date=2026-07-04/hour=10/0/${name}`), 'date=2026-07-04/hour=10/notes.txt']
  const { code, stdout, stderr } = await periodic(cwd)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^6 strangers in the lake, ignored: \.DS_Store, README\.md, backup\/, …$/m)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n3\n')
  const json = await periodic(cwd, ['--json'])
  assert.equal(json.stderr, 'periodic: 6 strangers in the lake, ignored: .DS_Store, README.md, backup/, …\n')
  assert.deepEqual((JSON.parse(lines(json.stdout).at(-1) ?? '') as { strangers: string[] }).strangers, strangers.sort())
})
