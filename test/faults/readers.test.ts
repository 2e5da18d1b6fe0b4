import assert from 'node:assert/strict'
import { test } from 'node:test'
import { workplace } from '../process.ts'
import type { Answers } from './readers.ts'
import { compactUnderReaders, dropUnderReaders } from './readers.ts'

function noneWrong({ right, hidden, wrong, failed }: Answers): void {
  assert.deepEqual({ hidden, wrong, failed }, { hidden: 0, wrong: [], failed: [] })
  assert.ok(right >= 20, `${right} answers`)
}

test('readers of read_parquet see every event once and never fail while hours are merged under them', async (t) => {
  const answers = await compactUnderReaders(workplace(t), { hours: 6, rounds: 3, pause: 50, grace: 1000, slow: 200 })
  assert.equal(answers.swaps, 18)
  noneWrong(answers)
})

test('readers of read_parquet see a date whole or not at all while dates are dropped under them', async (t) => {
  const answers = await dropUnderReaders(workplace(t), { dates: 60, pause: 50, grace: 1000, slow: 200 })
  assert.equal(answers.swaps, 60)
  noneWrong(answers)
})
