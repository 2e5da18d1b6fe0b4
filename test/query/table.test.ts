import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Expectation } from '../../src/query/expectation.ts'
import type { Outcome } from '../../src/query/report.ts'
import { glance, renderReport, truncate } from '../../src/query/table.ts'
import type { Verdict } from '../../src/query/verdict.ts'

const NOW = Date.parse('2026-07-04T12:00:00Z')

/** Cells of the characters that these tests use. */
const CELLS: Record<string, number> = { a: 1, ' ': 1, 漢: 2, '👍🏽': 2, 'é': 1, '…': 1 }

function cells(text: string): number {
  return [...new Intl.Segmenter().segment(text)].reduce((sum, { segment }) => sum + (CELLS[segment] ?? 1), 0)
}

const words = fc.array(fc.constantFrom(...Object.keys(CELLS)), { maxLength: 60 }).map((parts) => parts.join(''))

const outcome = fc.tuple(fc.constantFrom('ok', 'failed', 'skipped'), words, fc.nat(1e9), words).map(([status, text, rows, name]): Outcome => {
  const base = { model: { name: `m${name}`, layer: 'metrics' as const, file: `queries/m${name}.sql` }, ms: rows }
  if (status === 'skipped') return { ...base, status, because: text }
  if (status === 'failed') return { ...base, status, problem: { file: 'f', line: 3, message: text, excerpt: `LINE 3: ${text}\n   ^` } }
  const now = { rows, columns: ['a', 'b'], top: [text, '1'] }
  const verdicts = rows % 2 === 0 ? [] : [warning(text)]
  return { ...base, status: 'ok', published: { target: 't', changed: true, now, before: { rows: 1, columns: [], top: [name] } }, verdicts }
})

function warning(text: string): Verdict {
  const expectation: Expectation = { name: text, model: text, severity: 'warn', file: 'f', sql: '', reads: [] }
  return { expectation, status: 'warn', rows: 1, kept: 'k', ms: 1, problem: { file: 'f', line: 3, message: text } }
}

const LATE = { of: 'events', newest: null, ageSeconds: 3600, late: 'error' as const, warnSeconds: null, errorSeconds: 3600 }

test('any report fits any screen', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (outcomes, columns, lines, late) => {
      const freshness = late ? [LATE] : []
      const report = { start: new Date(NOW), ms: 5, lake: { files: 1, events: 2, newest: new Date(NOW) }, freshness, outcomes }
      const { table, errors } = renderReport(report, { columns, lines }, NOW)
      const shown = (table + errors).split('\n').slice(0, -1)
      assert.ok(shown.length <= lines, `${shown.length} lines of ${lines}`)
      for (const line of shown) assert.ok(cells(line) <= columns, `${cells(line)} cells of ${columns}: ${line}`)
      if (lines === 40) assert.equal(table.split('\n').length - 1, 2 + outcomes.length + freshness.length)
    }),
    { numRuns: 500 },
  )
})

test('cutting keeps as much as fits, and characters whole', () => {
  assert.equal(truncate('漢字漢字', 8), '漢字漢字')
  assert.equal(truncate('漢字漢字', 7), '漢字漢…')
  assert.equal(truncate('漢字漢字', 6), '漢字…')
  assert.equal(truncate('a👍🏽👍🏽', 4), 'a👍🏽…')
  assert.equal(truncate('abc', 0), '')
})

test('the lake at a glance', () => {
  assert.equal(glance({ files: 0, events: 0, newest: undefined }, NOW), 'lake: empty')
  assert.equal(
    glance({ files: 1234, events: 1_234_567, newest: new Date(NOW - 90_000) }, NOW),
    'lake: 1,234 files, 1,234,567 events, newest 2026-07-04 11:58:30 (1m30s ago)',
  )
  assert.equal(
    glance({ files: 1, events: 1, newest: new Date(NOW + 5000) }, NOW),
    'lake: 1 file, 1 event, newest 2026-07-04 12:00:05 (5.0s ahead of this clock)',
  )
})

test('what changed is told in rows and by the top row', () => {
  const change = (now: [number, string[]?], before?: [number, string[]?], changed = true): string => {
    const summary = ([rows, top]: [number, string[]?]) => ({ rows, columns: ['a'], top })
    const published = { target: 't', changed, now: summary(now), before: before && summary(before) }
    const outcomes: Outcome[] = [{ model: { name: 'm', layer: 'metrics', file: 'f' }, ms: 1, status: 'ok', published }]
    const { table } = renderReport({ start: new Date(NOW), ms: 1, lake: { files: 0, events: 0, newest: undefined }, outcomes }, { columns: 200, lines: 50 }, NOW)
    return (table.split('\n')[2] ?? '').split(/ {2,}/).at(-1) ?? ''
  }
  assert.equal(change([3, ['a']]), 'new')
  assert.equal(change([3, ['a']], [3, ['a']], false), 'unchanged')
  assert.equal(change([3, ['a']], [3, ['a']]), 'values')
  assert.equal(change([1003, ['a']], [3, ['a']]), '+1,000 rows')
  assert.equal(change([2, ['b']], [3, ['a']]), '-1 row, top was a')
  assert.equal(change([0], [3, ['a']]), '-3 rows')
})
