import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { describeLate, readFreshness } from '../../src/query/freshness.ts'
import { takeSnapshot } from '../../src/lake/snapshot.ts'
import { run } from '../process.ts'
import { sluiceTest } from './trials.ts'
import { addToLake, batch, periodic, workplace, write } from './workplace.ts'

const NOW = Date.parse('2026-07-04T12:20:00Z')
const MINUTE = 60_000
const LIMITS = {
  events: {
    freshness: { warn: 5 * MINUTE, error: 60 * MINUTE, collections: { like: { warn: MINUTE, error: 10 * MINUTE }, post: { error: 90 * MINUTE }, block: { warn: 30 * MINUTE } } },
  },
}

/** Minutes before NOW by collection, as SELECT of events. */
function events(minutes: Record<string, number[]>): string {
  const rows = Object.entries(minutes).flatMap(([collection, ages]) => ages.map((age) => `(${NOW / 1000 - age * 60}, '${collection}')`))
  return `SELECT to_timestamp(seconds) AS event_time, collection FROM (VALUES ${rows.join(', ')}) AS t(seconds, collection)`
}

async function freshness(cwd: string, now = NOW): Promise<Record<string, [age: number | null, late: string | null]>> {
  const engine = await openEngine({ threads: 1 })
  try {
    const found = await readFreshness(await engine.connect(), await takeSnapshot(`${cwd}/lake`), LIMITS, now)
    return Object.fromEntries(found.map(({ of, newest, ageSeconds, late }) => [of, [newest === null ? null : ageSeconds / 60, late]]))
  } finally {
    engine.close()
  }
}

test('the newest event of each collection is held against its limits', async (t) => {
  const cwd = workplace(t)
  // Hours 10, 11 and 12, in as many partitions.
  await addToLake(cwd, events({ like: [8, 30, 100], post: [85], block: [130], repost: [3] }))
  assert.deepEqual(await freshness(cwd), { events: [3, null], like: [8, 'warn'], post: [85, null], block: [null, 'warn'] })
  // Two minutes and ten minutes on.
  assert.deepEqual(await freshness(cwd, NOW + 2.5 * MINUTE), { events: [5.5, 'warn'], like: [10.5, 'error'], post: [87.5, null], block: [null, 'warn'] })
  assert.deepEqual(await freshness(cwd, NOW + 10 * MINUTE), { events: [13, 'warn'], like: [18, 'error'], post: [null, 'error'], block: [null, 'warn'] })
  assert.deepEqual(await freshness(cwd, NOW + 300 * MINUTE), { events: [null, 'error'], like: [null, 'error'], post: [null, 'error'], block: [null, 'warn'] })
})

test('exactly at a limit is not late, and an event ahead of the clock is fresh', async (t) => {
  const cwd = workplace(t)
  await addToLake(cwd, events({ like: [1], post: [-5], block: [30] }))
  assert.deepEqual(await freshness(cwd), { events: [-5, null], like: [1, null], post: [-5, null], block: [30, null] })
})

test('the cost does not grow with history: files older than every limit are not opened', async () => {
  const engine = await openEngine({ threads: 1 })
  try {
    const session = await engine.connect()
    // None of these files exists: to open one would fail.
    const old = ['date=2026-07-04/hour=09', 'date=2026-07-03/hour=12'].map((hour) => `lake/${hour}/0/${batch('a')}`)
    const found = await readFreshness(session, { lake: 'lake', files: old }, LIMITS, NOW)
    assert.deepEqual(found.map(({ newest }) => newest), [null, null, null, null])
    const inside = [...old, `lake/date=2026-07-04/hour=10/0/${batch('a')}`]
    await assert.rejects(readFreshness(session, { lake: 'lake', files: inside }, LIMITS, NOW), /hour=10/)
  } finally {
    engine.close()
  }
})

test('what is late is told in one line', () => {
  const of = (name: string, ageSeconds: number, late: 'warn' | 'error' | null, known = true): Parameters<typeof describeLate>[0][number] => (
    { of: name, newest: known ? '2026-07-04T12:00:00.000Z' : null, ageSeconds, late, warnSeconds: 60, errorSeconds: 600 }
  )
  assert.equal(describeLate([of('events', 1, null), of('like', 2, null)]), '')
  assert.equal(describeLate([of('events', 1, null), of('like', 90, 'warn'), of('post', 600, 'error', false)]), 'late: like 1m30s old (warning above 1m00s), post over 10m00s old (error above 10m00s)')
  assert.equal(describeLate([of('events', 90, 'warn'), of('like', 90, 'warn'), of('post', 700, 'error')]), 'late: events 1m30s old (warning above 1m00s), post 11m40s old (error above 10m00s)')
  assert.equal(describeLate([of('events', 700, 'error'), of('like', 700, 'error')]), 'late: events 11m40s old (error above 10m00s)')
})

const SOURCES = 'events:\n  freshness:\n    warn: 10m\n    error: 2h\n    collections:\n      like: {warn: 30m, error: 90m}\n'

test('late data is told by periodic, status and test, and only the last fails by it', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/sources.yaml': SOURCES, 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' })
  await addToLake(cwd, "SELECT now() AS event_time, 'post' AS collection UNION ALL SELECT now() - INTERVAL 3 hours, 'like'")
  const { code, stdout, stderr } = await periodic(cwd)
  assert.deepEqual([code, stderr], [0, ''])
  const [first, second, third] = stdout.split('\n')
  assert.match(first ?? '', /^lake: 2 files, 2 events/)
  assert.equal(second, 'late: like over 2h00m old (error above 1h30m)')
  assert.match(third ?? '', /^model /)

  const lines = (await periodic(cwd, ['--json'])).stdout.split('\n').filter(Boolean)
  const { freshness } = JSON.parse(lines.at(-1) as string) as { freshness: { of: string; late: string | null; ageSeconds: number; errorSeconds: number }[] }
  assert.deepEqual(freshness.map(({ of, late, errorSeconds }) => [of, late, errorSeconds]), [['events', null, 7200], ['like', 'error', 5400]])

  const status = await run('sluice', ['status'], { cwd })
  assert.match(status.stdout, /^fresh +events: \d[^\n]* old\n +like: over 2h00m old \(error above 1h30m\)$/m)
  assert.deepEqual((JSON.parse((await run('sluice', ['status', '--json'], { cwd })).stdout) as { freshness: { late: string | null }[] }).freshness.map(({ late }) => late), [null, 'error'])

  const tested = await sluiceTest(cwd)
  assert.equal(tested.code, 1)
  assert.deepEqual(tested.tests.map(({ test, status }) => [test, status]), [['events.freshness', 'pass'], ['like.freshness', 'fail']])
  assert.equal(tested.stderr, 'like: over 2h00m old (error above 1h30m)\n')
})

test('where all is fresh nothing is said; sources that are wrong are told, and the models run', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/sources.yaml': SOURCES, 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' })
  assert.match((await periodic(cwd)).stdout, /^lake: empty\nmodel /, 'an empty lake has been told to be empty')
  await addToLake(cwd, "SELECT now() AS event_time, 'like' AS collection")
  const fresh = await periodic(cwd)
  assert.deepEqual([fresh.code, fresh.stderr, /late/.test(fresh.stdout)], [0, '', false])
  write(cwd, { 'queries/sources.yaml': SOURCES.replace('error: 2h', 'eror: 2h') })
  const { code, stdout, stderr } = await periodic(cwd)
  assert.equal(code, 1)
  assert.equal(stderr, 'queries/sources.yaml:4: expected in events.freshness one of warn, error, collections, got `eror`; did you mean `error`?\n')
  assert.match(stdout, /^count +1 /m)
  const status = await run('sluice', ['status'], { cwd })
  assert.match(status.stdout, /^warning +the age of the newest events is not known: queries\/sources\.yaml:4: expected in events\.freshness one of /m)
})
