import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readLake } from '../lake.ts'
import { workplace } from '../process.ts'
import { chaos } from './chaos.ts'

test('four writers, compaction and readers, each killed now and then: every event is there once', async (t) => {
  const cwd = workplace(t)
  const { right, wrong, failed, failures, events, kills } = await chaos(cwd, { seed: Number(process.env['SEED'] ?? 1), duration: 10_000 })
  assert.deepEqual({ wrong, failed, failures }, { wrong: [], failed: [], failures: [] })
  assert.ok(kills.writers > 3 && right > 5, JSON.stringify({ kills, right }))
  const expected = events.flatMap((count, writer) => Array.from({ length: count }, (_, n) => `kw${writer}-${n}`))
  assert.deepEqual((await readLake(join(cwd, 'lake'))).map(({ rkey }) => rkey).sort(), expected.sort())
})
