import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR_MS } from '../../src/lake/names.ts'
import type { Part } from '../../src/lake/snapshot.ts'
import type { Contribution } from '../../src/query/contribution.ts'
import { contributionOf, mergedOf, planContributions, planMerges, recentFrom } from '../../src/query/contribution.ts'

const FIRST = Date.parse('2026-01-01T00:00:00Z') / HOUR_MS

/** A lake of so many hours, each so many after the one before it, with these files in each. */
function lakeOf(count: number, { files = 1, bytes = 1000, step = 1 } = {}): Map<number, Part[]> {
  return new Map(
    Array.from({ length: count }, (_, n) => {
      const hour = FIRST + n * step
      return [hour, Array.from({ length: files }, (_, file): Part => ({ path: `${hour}/${file}`, bytes, modified: 0, id: `${hour}/${file} ${bytes} 0` }))]
    }),
  )
}

let named = 0
const stored = (): { rows: string; bytes: number; checksum: string } => ({ rows: `${++named}.parquet`, bytes: 0, checksum: '' })

/** What a run makes of what is known: hours computed, files read for it, and what is kept then. */
function run(known: readonly Contribution[], hours: Map<number, Part[]>, window?: number): { computed: number; read: number; merged: number; kept: Contribution[] } {
  const recent = recentFrom(hours, Infinity)
  const { kept, work } = planContributions(known, hours, { window, recent })
  let done = [...kept, ...work.map((one) => contributionOf(one, stored()))]
  const merges = planMerges(done, hours, recent)
  for (const group of merges) done = [...done.filter((one) => !group.includes(one)), mergedOf(group, stored())]
  const covered = done.flatMap((one) => one.hours).sort((a, b) => a - b)
  assert.deepEqual(covered, [...hours.keys()].sort((a, b) => a - b), 'each hour is spoken for once')
  return { computed: work.length, read: work.reduce((sum, { fresh }) => sum + fresh.length, 0), merged: merges.length, kept: done }
}

test('two years of little hours are a dozen contributions, and a batch more costs one, however they came', () => {
  const hours = lakeOf(17_520)
  for (const window of [undefined, 60_000]) {
    const first = run([], hours, window)
    assert.ok(first.computed <= 12 && first.kept.length <= 12, `${first.computed} computed, ${first.kept.length} kept`)
    const next = new Map([...hours, [FIRST + 17_519, [...(hours.get(FIRST + 17_519) as Part[]), { path: 'new', bytes: 1, id: 'new' }]]] as [number, Part[]][])
    const second = run(first.kept, next, window)
    assert.deepEqual([second.computed, second.read, second.merged], [1, 1, 0])
    assert.deepEqual(run(second.kept, next, window), { computed: 0, read: 0, merged: 0, kept: second.kept })
  }
})

test('hour by hour, over 120 dates, no more is ever kept than a few files, and each date is merged once', () => {
  const all = [...lakeOf(360, { step: 8, files: 10 })]
  for (const window of [undefined, 60_000]) {
    let kept: Contribution[] = []
    let [most, merges] = [0, 0]
    for (let count = 1; count <= all.length; count++) {
      const one = run(kept, new Map(all.slice(0, count)), window)
      kept = one.kept
      most = Math.max(most, kept.length)
      merges += one.merged
    }
    assert.ok(most <= 10, `${most} files at most`)
    assert.ok(merges >= 100 && merges <= 120, `${merges} merges`)
    assert.ok(Math.max(...kept.map(({ own }) => own.length)) <= 2000)
  }
})

test('dates that are not little are kept apart from each other, and from their first hours where these have looked outside', () => {
  const hours = lakeOf(10 * 24, { files: 2, bytes: 6e6 })
  const dates = (of: Contribution): number[] => [...new Set(of.hours.map((hour) => Math.floor(hour / 24)))]
  const plain = run([], hours).kept
  assert.ok(plain.every((one) => dates(one).length === 1))
  let windowed: Contribution[] = []
  for (let count = 1; count <= 10 * 24; count++) windowed = run(windowed, new Map([...hours].slice(0, count)), 60_000).kept
  const past = windowed.filter((one) => (one.hours[0] as number) < FIRST + 8 * 24)
  assert.deepEqual(past.map(({ hours }) => hours.length).sort((a, b) => a - b), [...Array(7).fill(1), ...Array(7).fill(23), 24])
  // Retention takes the first date: the next date's first hour alone has to be computed again.
  const left = new Map([...hours].slice(24))
  assert.deepEqual([run(windowed, left, 60_000).read, run(plain, left).read], [2, 0])
})

test('what retention makes to be computed anew is bounded, by bytes and by files', () => {
  const limits: [Map<number, Part[]>, number, number][] = [
    [lakeOf(365 * 24, { bytes: 100_000 }), 2000, 256e6],
    [lakeOf(60 * 24, { files: 20 }), 2000, 256e6],
    [lakeOf(365 * 24, { bytes: 1_500_000 }), 2000, 256e6],
  ]
  for (const [hours, files, bytes] of limits) {
    const { kept } = run([], hours)
    const anew = planContributions(kept, new Map([...hours].slice(24)), { window: undefined, recent: recentFrom(hours, Infinity) }).work.flatMap(({ fresh }) => fresh)
    assert.ok(anew.length <= files && anew.reduce((sum, part) => sum + part.bytes, 0) <= bytes, `${anew.length} files`)
    assert.ok(kept.length <= 200, `${kept.length} kept`)
  }
})

test('nothing is past where the newest event is ahead of the clock', () => {
  const hours = lakeOf(72)
  assert.equal(recentFrom(hours, (FIRST + 71) * HOUR_MS), FIRST + 24)
  assert.equal(recentFrom(hours, (FIRST + 1000) * HOUR_MS), FIRST + 24)
  assert.equal(recentFrom(hours, FIRST * HOUR_MS), FIRST - 24)
})
