import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/query/run.ts'
import { explain } from '../../src/query/table.ts'
import { openCsvSink } from '../../src/sink/csv.ts'
import { random } from '../lines.ts'
import { ROOT, workplace } from '../process.ts'
import { readCases } from './cases.ts'
import { csv, naiveMetrics } from './naive.ts'
import type { EventRow } from './rows.ts'
import { rowOfLine, writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

const QUERIES = join(ROOT, 'queries')
const METRICS = readdirSync(join(QUERIES, 'metrics')).map((file) => file.replace(/\.sql$/, '')).sort()

const stopwords = new Map<string, Set<string>>()
for (const line of readFileSync(join(QUERIES, 'seeds/stopwords.csv'), 'utf8').split('\n').slice(1)) {
  const [lang = '', word = ''] = line.split(',')
  if (lang !== '') stopwords.set(lang, (stopwords.get(lang) ?? new Set()).add(word))
}

/** What periodic writes for these events: the text of each CSV by metric. */
async function metricsOf(directory: string, rows: readonly EventRow[]): Promise<Map<string, string>> {
  const [lake, state, metrics] = [join(directory, 'lake'), join(directory, 'state'), join(directory, 'metrics')]
  mkdirSync(lake, { recursive: true })
  await writeLake(lake, rows)
  const { outcomes } = await run({
    lake, state, queries: QUERIES, select: undefined, full: false, now: () => 0, notice: (text) => assert.fail(text), signal: new AbortController().signal,
    openSink: (scratch) => openCsvSink({ directory: metrics, scratch }),
  })
  assert.deepEqual(outcomes.flatMap(explain), [])
  assert.deepEqual(outcomes.filter(({ status }) => status !== 'ok'), [])
  return new Map(readdirSync(metrics).map((file) => [file.replace(/\.csv$/, ''), readFileSync(join(metrics, file), 'utf8')]))
}

function assertNaive(actual: ReadonlyMap<string, string>, rows: readonly EventRow[]): void {
  const naive = naiveMetrics(rows, stopwords)
  assert.deepEqual([...actual.keys()].sort(), Object.keys(naive).sort())
  for (const [name, table] of Object.entries(naive)) assert.equal(actual.get(name), csv(table), name)
}

for (const { name, rows, expected } of readCases(join(ROOT, 'test/cases/metrics'))) {
  test(`metrics: ${name.replaceAll('-', ' ')}`, async (t) => {
    const actual = await metricsOf(workplace(t), rows)
    for (const [metric, text] of expected) assert.equal(actual.get(metric), text, metric)
    assertNaive(actual, rows)
  })
}

test('every metric has a case of its own', () => {
  const cases = readCases(join(ROOT, 'test/cases/metrics')).filter(({ rows }) => rows.length > 0)
  const covered = new Set(cases.flatMap(({ expected }) => [...expected.keys()]))
  assert.deepEqual([...covered].sort(), METRICS)
})

for (const seed of [1, 2]) {
  test(`metrics of 20,000 seeded events are those of a naive implementation (seed ${seed})`, async (t) => {
    const rows = seededRows(random(seed), 20_000)
    const actual = await metricsOf(workplace(t), rows)
    assertNaive(actual, rows)
    // The generator meets what it is for: a result with nothing in it would prove nothing.
    for (const metric of METRICS) assert.ok((actual.get(metric) as string).split('\n').length >= 10, `${metric} has rows`)
  })
}

test('metrics of recorded events are those of a naive implementation', async (t) => {
  const lines = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8').split('\n').filter((line) => line !== '')
  const rows = lines.map(rowOfLine)
  const actual = await metricsOf(workplace(t), rows)
  assertNaive(actual, rows)
  assert.equal(actual.get('likes-per-minutes'), 'time,likes\n2026-07-04 14:38:00,105\n')
})
