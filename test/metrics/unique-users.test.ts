import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { random } from '../lines.ts'
import { ROOT, run, workplace } from '../process.ts'
import { writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

test('users per day, as the tutorial has them: over many runs what --full says, and what a loop over the events says', async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  const files = [...readFileSync(join(ROOT, 'docs/models.md'), 'utf8').matchAll(/^Save this as `(queries\/\w+\/[\w-]+\.sql)`:\n\n```sql\n([^]*?)^```$/gm)]
  assert.deepEqual(files.map(([, path]) => path), ['queries/staging/visits.sql', 'queries/metrics/users-per-day.sql'])
  for (const [, path, sql] of files) writeFileSync(join(cwd, path as string), sql as string)
  // It is made for the shipped models; the tutorial has none.
  rmSync(join(cwd, 'queries/lake.sql'))
  const checked = await run('sluice', ['check'], { cwd })
  assert.deepEqual([checked.code, /nothing found$/m.test(checked.stdout)], [0, true], checked.stdout)

  // Posts are up to 20 days old, in any order, so that each run adds to days that are kept.
  const rows = seededRows(random(11), 4000)
  mkdirSync(join(cwd, 'lake'))
  const select = ['--select', 'users-per-day']
  for (let n = 0; n < 5; n++) {
    await writeLake(join(cwd, 'lake'), rows.slice(n * 800, n < 4 ? (n + 1) * 800 : rows.length), `20260704T000000000Z-000000-0000000${n}`)
    const { code, stderr } = await run('periodic', select, { cwd })
    assert.deepEqual([code, stderr], [0, ''])
  }
  const days = new Map<string, Set<string>>()
  for (const { event_time, did } of rows) {
    const day = new Date(event_time / 1000).toISOString().slice(0, 10)
    days.set(day, (days.get(day) ?? new Set()).add(did))
  }
  const naive = [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, users]) => `${day},${users.size}\n`).join('')
  assert.ok(days.size > 10)
  const published = (directory: string): string => readFileSync(join(cwd, directory, 'users-per-day.csv'), 'utf8')
  assert.equal(published('metrics'), `day,users\n${naive}`)
  await run('periodic', [...select, '--full', '--metrics', 'full', '--state', 'elsewhere'], { cwd })
  assert.equal(published('full'), published('metrics'))
  const tested = await run('sluice', ['test', '--json', '--select', 'visits'], { cwd })
  assert.match(tested.stdout, /^\{"test":"accumulates\(visits\)","kind":"accumulates","of":"visits","status":"pass"/m)
})
