import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { takeTurns } from '../../src/query/lanes.ts'

/** Tasks that need some of those before them, and the number of turns of the event loop that each takes. */
const tasks = fc.array(fc.record({ turns: fc.nat(4), needs: fc.array(fc.nat(20), { maxLength: 3 }) }), { maxLength: 20 }).map((all) =>
  all.map(({ turns, needs }, n) => ({ name: `t${n}`, needs: needs.filter((need) => need < n).map((need) => `t${need}`), task: turns })),
)

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

test('every task is done once, after what it needs, alone on its lane, and with its result in its place', async () => {
  await fc.assert(
    fc.asyncProperty(tasks, fc.integer({ min: 1, max: 4 }), async (all, count) => {
      const begun: string[] = []
      const ended = new Set<string>()
      const busy = new Set<number>()
      const byTask = new Map(all.map((one) => [one, one]))
      const results = await takeTurns(
        all.map((one) => ({ ...one, task: one })),
        Array.from({ length: count }, (_, lane) => lane),
        async (one, lane) => {
          assert.ok(byTask.has(one))
          assert.ok(!busy.has(lane), 'a lane is given once at a time')
          busy.add(lane)
          begun.push(one.name)
          for (const need of one.needs) assert.ok(ended.has(need), `${one.name} begins after ${need}`)
          await turns(one.task)
          ended.add(one.name)
          busy.delete(lane)
          return one.name
        },
      )
      assert.deepEqual(results, all.map(({ name }) => name))
      assert.deepEqual([...begun].sort(), all.map(({ name }) => name).sort())
    }),
  )
})

test('as many are under way as there are lanes', async () => {
  let under = 0
  let most = 0
  await takeTurns(Array.from({ length: 6 }, (_, n) => ({ name: String(n), needs: [], task: n })), ['a', 'b'], async () => {
    most = Math.max(most, ++under)
    await turns(2)
    under--
  })
  assert.equal(most, 2)
})

test('when one throws, those under way end, no other begins, and its error is thrown', async () => {
  const ended: string[] = []
  const all = ['fails', 'slow', 'later', 'last'].map((name) => ({ name, needs: [], task: name }))
  await assert.rejects(
    takeTurns(all, [1, 2], async (name) => {
      if (name === 'fails') throw new Error('the disk is full')
      await turns(5)
      ended.push(name)
    }),
    { message: 'the disk is full' },
  )
  assert.deepEqual(ended, ['slow'])
})

test('of those that wait for a lane, the one goes first on which the longest chain waits', async () => {
  const task = (name: string, ...needs: string[]): { name: string; needs: string[]; task: string } => ({ name, needs, task: name })
  const begun: string[] = []
  const all = [task('first'), task('alone'), task('b'), task('a'), task('on-a', 'a'), task('on-b', 'b'), task('on-on-a', 'on-a')]
  await takeTurns(all, ['lane'], async (name) => {
    begun.push(name)
    await turns(1)
  })
  assert.deepEqual(begun.slice(0, 3), ['first', 'a', 'b'])
  assert.equal(begun.length, all.length)
})
