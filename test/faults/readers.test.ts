import assert from 'node:assert/strict'
import { test } from 'node:test'
import { workplace } from '../process.ts'
import type { Answers } from './readers.ts'
import { compactUnderReaders, dropUnderReaders } from './readers.ts'

function noneWrong({ right, wrong, failed }: Answers): void {
  assert.deepEqual({ wrong, failed }, { wrong: [], failed: [] })
  assert.ok(right >= 20, `${right} answers`)
}

// `hidden` is not held at 0: the README says what remains, and how often.
test('readers of read_parquet see no event twice and never fail while hours are merged under them', async (t) => {
  const answers = await compactUnderReaders(workplace(t), { hours: 6, rounds: 3, pause: 50, grace: 1000, slow: 200 })
  assert.equal(answers.swaps, 18)
  noneWrong(answers)
  assert.ok(answers.hidden <= answers.swaps / 3, `${answers.hidden} answers without an hour`)
})

test('readers of read_parquet see a date whole or not at all while dates are dropped under them', async (t) => {
  const answers = await dropUnderReaders(workplace(t), { dates: 60, pause: 50, grace: 1000, slow: 200 })
  assert.equal(answers.swaps, 60)
  noneWrong(answers)
})
