import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { random } from '../lines.ts'
import { sluiceTest } from './trials.ts'
import { addToLake, periodic, workplace, write } from './workplace.ts'

type Row = { n: number | null; word: string | null; at: string | null }

/** A model's rows as its SQL. */
function values(rows: readonly Row[]): string {
  const text = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`)
  return `SELECT n, word, "at" FROM (VALUES ${rows.map(({ n, word, at }) => `(${n ?? 'NULL'}::BIGINT, ${text(word)}, ${text(at)}::TIMESTAMP)`).join(', ')}) AS t(n, word, "at")`
}

const HEADER = `/*
columns:
  n:
    tests:
      - unique
      - not_null
      - range: {min: 3, max: 17}
      - range: {max: 9.5}
      - accepted_values: [1, 2, 3, 5, 8, 13]
      - relationships: {to: primes, column: prime}
  word:
    tests:
      - unique
      - not_null
      - accepted_values: [a, b, "it's"]
      - relationships: {to: others, column: word}
  at: {tests: [unique, {range: {min: 2026-07-04 12:00:00, max: "2026-07-04 18:00:00"}}]}
tests:
  - unique: [n, word]
  - unique: [n, word, at]
*/
`

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19]
const OTHERS = ['a', 'c', null]

/** What the header says, in words of its own: the rows for which each does not hold. */
function naive(rows: readonly Row[]): Record<string, number> {
  const failing = (holds: (row: Row) => boolean): number => rows.filter((row) => !holds(row)).length
  const alike = (...columns: (keyof Row)[]): number => {
    const full = rows.filter((row) => columns.every((column) => row[column] !== null))
    return full.filter((row) => full.filter((other) => columns.every((column) => other[column] === row[column])).length > 1).length
  }
  return {
    'm.n.unique': alike('n'),
    'm.n.not_null': failing(({ n }) => n !== null),
    'm.n.range': failing(({ n }) => n === null || (n >= 3 && n <= 17)),
    'm.n.range.2': failing(({ n }) => n === null || n <= 9.5),
    'm.n.accepted_values': failing(({ n }) => n === null || [1, 2, 3, 5, 8, 13].includes(n)),
    'm.n.relationships': failing(({ n }) => n === null || PRIMES.includes(n)),
    'm.word.unique': alike('word'),
    'm.word.not_null': failing(({ word }) => word !== null),
    'm.word.accepted_values': failing(({ word }) => word === null || ['a', 'b', "it's"].includes(word)),
    'm.word.relationships': failing(({ word }) => word === null || OTHERS.includes(word)),
    'm.at.unique': alike('at'),
    'm.at.range': failing(({ at }) => at === null || (at >= '2026-07-04 12' && at <= '2026-07-04 18:00:00')),
    'm.n+word.unique': alike('n', 'word'),
    'm.n+word+at.unique': alike('n', 'word', 'at'),
  }
}

function someRows(seed: number, count: number): Row[] {
  const next = random(seed)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T
  const two = (n: number): string => String(n).padStart(2, '0')
  return Array.from({ length: count }, () => ({
    n: next() < 0.1 ? null : Math.floor(next() * 20),
    word: pick(['a', 'b', 'c', 'd', null]),
    at: next() < 0.1 ? null : `2026-07-04 ${two(Math.floor(next() * 24))}:00:00`,
  }))
}

for (const seed of [1, 2, 3]) {
  test(`the rows for which a header does not hold are those that a naive check finds (seed ${seed})`, async (t) => {
    const cwd = workplace(t)
    const rows = someRows(seed, [0, 40, 7, 15][seed] as number)
    write(cwd, {
      'queries/metrics/m.sql': HEADER + values(rows),
      'queries/seeds/primes.csv': `prime\n${PRIMES.join('\n')}\n`,
      'queries/staging/others.sql': "SELECT * FROM (VALUES ('a'), ('c'), (NULL)) AS t(word)",
    })
    const { tests, summary, code } = await sluiceTest(cwd)
    const expected = naive(rows)
    assert.deepEqual(Object.fromEntries(tests.map((one) => [one.test, one.rows])), expected)
    const failed = Object.keys(expected).filter((name) => expected[name] !== 0)
    assert.ok(failed.length >= 8 && code === 1)
    assert.equal(summary.fail, failed.length)
    for (const one of tests) {
      assert.equal(one.status, failed.includes(one.test) ? 'fail' : 'pass', one.test)
      const file = join(cwd, '.sluice', 'failures', `${one.test}.csv`)
      assert.equal(existsSync(file), failed.includes(one.test), file)
      if (existsSync(file)) assert.equal(readFileSync(file, 'utf8').split('\n').length - 2, expected[one.test], 'all of the rows are kept, with a heading')
    }
    assert.equal(tests.find((one) => one.test === 'm.n.range.2')?.problem?.line ?? 8, 8)
  })
}

const MODEL = (rows: string, severity = 'error'): string =>
  `/*\ncolumns:\n  n:\n    tests:\n      - {unique: true, severity: ${severity}}\n*/\nSELECT * FROM (VALUES ${rows}) AS t(n)`
const REST = {
  'queries/metrics/needs-it.sql': 'SELECT count(*) AS n FROM m',
  'queries/metrics/other.sql': 'SELECT 1 AS one',
}

test('a result that does not hold what its header says is not published: the last good one stays until the next', async (t) => {
  const cwd = workplace(t)
  const read = (name: string): string => readFileSync(join(cwd, 'metrics', name), 'utf8')
  write(cwd, { ...REST, 'queries/metrics/m.sql': MODEL('(1), (2)') })
  const good = await periodic(cwd)
  assert.deepEqual([good.code, good.stderr, read('m.csv')], [0, '', 'n\n1\n2\n'])
  assert.ok(!existsSync(join(cwd, '.sluice/failures')))

  write(cwd, { ...REST, 'queries/metrics/m.sql': MODEL('(3), (4), (4), (5), (5), (5)') })
  const bad = await periodic(cwd, ['--json'])
  assert.equal(bad.code, 1)
  assert.equal(read('m.csv'), 'n\n1\n2\n')
  assert.equal(
    bad.stderr,
    'queries/metrics/m.sql:5: m.n.unique does not hold for 5 rows: see .sluice/failures/m.n.unique.csv; not published, the last good result stays\n',
  )
  assert.equal(readFileSync(join(cwd, '.sluice/failures/m.n.unique.csv'), 'utf8'), 'n\n4\n4\n5\n5\n5\n')
  const [m, needs, other, all] = bad.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual([m?.['status'], needs?.['status'], needs?.['because'], other?.['status']], ['failed', 'skipped', 'm', 'ok'])
  assert.deepEqual([all?.['ok'], all?.['failed'], all?.['skipped']], [1, 1, 1])
  const [found] = m?.['tests'] as { test: string; status: string; rows: number; kept: string }[]
  assert.deepEqual([found?.test, found?.status, found?.rows, found?.kept], ['m.n.unique', 'fail', 5, '.sluice/failures/m.n.unique.csv'])
  assert.match((await periodic(cwd)).stdout, /^m +failed +\S+ +m\.n\.unique does not hold for 5 rows: /m)

  write(cwd, { 'queries/metrics/m.sql': MODEL('(6)') })
  const again = await periodic(cwd)
  assert.deepEqual([again.code, again.stderr, read('m.csv')], [0, '', 'n\n6\n'])
  assert.ok(!existsSync(join(cwd, '.sluice/failures/m.n.unique.csv')))
})

test('a warning is published, with a line on stderr and a marker in the table', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/metrics/m.sql': MODEL('(1), (1)', 'warn') })
  const { code, stdout, stderr } = await periodic(cwd)
  assert.equal(code, 0)
  assert.equal(stderr, 'warning: queries/metrics/m.sql:5: m.n.unique does not hold for 2 rows: see .sluice/failures/m.n.unique.csv\n')
  assert.match(stdout, /^m +2 +\S+ +1 +1 warning; new$/m)
  assert.equal(readFileSync(join(cwd, 'metrics/m.csv'), 'utf8'), 'n\n1\n1\n')
  const [record = ''] = readdirSync(join(cwd, '.sluice/runs'))
  const { models } = JSON.parse(readFileSync(join(cwd, '.sluice/runs', record), 'utf8')) as { models: { tests: unknown }[] }
  assert.deepEqual(models[0]?.tests, [{ name: 'm.n.unique', status: 'warn', rows: 2 }], 'the record of the run has it')
  const { code: tested, tests } = await sluiceTest(cwd)
  assert.deepEqual([tested, tests.map(({ status }) => status)], [0, ['warn']])
})

test('of a result periodic asks what is cheap: relationships to seeds, and not to models', async (t) => {
  const cwd = workplace(t)
  const related = (to: string): string => `/*\ncolumns: {n: {tests: [relationships: {to: ${to}, column: n}]}}\n*/\nSELECT 2 AS n`
  write(cwd, {
    'queries/metrics/of-seed.sql': related('ones'),
    'queries/metrics/of-view.sql': related('views'),
    'queries/metrics/of-metric.sql': related('of-view'),
    'queries/metrics/of-events.sql': related('events').replace('column: n', 'column: hour'),
    'queries/staging/views.sql': 'SELECT 1 AS n',
    'queries/seeds/ones.csv': 'n\n1\n',
  })
  const { code, stderr } = await periodic(cwd)
  assert.equal(code, 1)
  assert.match(stderr, /^queries\/metrics\/of-seed\.sql:2: of-seed\.n\.relationships does not hold for 1 row: [^\n]*\n$/)
  const { tests } = await sluiceTest(cwd)
  assert.deepEqual(Object.fromEntries(tests.map(({ of, status }) => [of, status])), { 'of-seed': 'fail', 'of-view': 'fail', 'of-metric': 'pass', 'of-events': 'fail' })
})

test('of failing rows no more than 1,000 are kept, and all are counted', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/staging/many.sql': '/*\ncolumns: {n: {tests: [range: {max: 9}]}}\n*/\nSELECT range AS n FROM range(5000)' })
  const { tests } = await sluiceTest(cwd)
  assert.equal(tests[0]?.rows, 4990)
  assert.equal(readFileSync(join(cwd, tests[0]?.kept as string), 'utf8').split('\n').length, 1002)
})

test('a selection runs the tests of a model, those that read it, its cases, and no others', async (t) => {
  const cwd = workplace(t)
  const checked = '/*\ncolumns: {n: {tests: [not_null]}}\n*/\n'
  write(cwd, {
    'queries/metrics/a.sql': `${checked}SELECT n FROM s`,
    'queries/metrics/b.sql': `${checked}SELECT 1 AS n`,
    'queries/staging/s.sql': `${checked}SELECT 1 AS n`,
    'queries/tests/reads-a.sql': 'SELECT * FROM a WHERE n > 1',
    'queries/tests/reads-b.sql': 'SELECT * FROM b WHERE n > 1',
    'queries/tests/a/case/expected.csv': 'n\n1\n',
    'queries/tests/b/case/expected.csv': 'n\n1\n',
    'queries/sources.yaml': 'events: {freshness: {warn: 1m}}',
  })
  const names = async (...args: string[]): Promise<string[]> => (await sluiceTest(cwd, ...args)).tests.map((one) => one.test).sort()
  assert.deepEqual(await names('--select', 'a'), ['a.n.not_null', 'a/case', 'reads-a'])
  assert.deepEqual(await names('--select', 'reads-b,a/case'), ['a/case', 'reads-b'])
  assert.deepEqual(await names('--select', 'events'), ['events.freshness'])
  assert.equal((await names()).length, 8)
  const { code, stderr } = await sluiceTest(cwd, '--select', 'reads-c')
  assert.equal(code, 2)
  assert.match(stderr, /expected --select to name models .*, got `reads-c`; did you mean `reads-a`\?/)
})

test('a test publishes nothing, and runs beside a periodic', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/metrics/m.sql': MODEL('(1)') })
  await addToLake(cwd, "SELECT TIMESTAMPTZ '2026-07-04 10:00:00+00' AS event_time, 'did:plc:a' AS did")
  await periodic(cwd)
  const { acquire } = await import('../../src/lake/lock.ts')
  const lock = await acquire(join(cwd, '.sluice/periodic.lock'), Date.now())
  assert.ok(lock, 'the test holds the lock of periodic')
  t.after(() => lock.release())
  write(cwd, { 'queries/metrics/m.sql': MODEL('(2)') })
  const { code, summary } = await sluiceTest(cwd)
  assert.deepEqual([code, summary.pass], [0, 1])
  assert.equal(readFileSync(join(cwd, 'metrics/m.csv'), 'utf8'), 'n\n1\n')
})
