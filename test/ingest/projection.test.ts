import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { carefulSteps, strictRows, TEMPLATE } from '../../src/ingest/projection.ts'
import { columnDefinitions, EVENTS } from '../../src/lake/schema.ts'
import { random } from '../lines.ts'
import { ROOT, workplace } from '../process.ts'
import { damaged } from './damaged.ts'

test('a line that the strict way takes is the same row by the careful way', async (t) => {
  const directory = workplace(t)
  const template = join(directory, 'template.ndjson')
  const segment = join(directory, 'segment.ndjson')
  writeFileSync(template, TEMPLATE)
  const engine = await openEngine({ threads: 1 })
  t.after(() => engine.close())
  const session = await engine.connect()
  await session.run("SET TimeZone = 'Asia/Kathmandu'")

  const cases = join(ROOT, 'test', 'cases', 'ingest')
  const sample = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8').trim().split('\n')
  const known = /^(timestamp|action|path|cid|prev|py_type|record|repo|rev|time_us|kind)$/
  const plain = damaged(sample, 1500, random(7)).filter((line) => line.startsWith('{"timestamp"') && keysOf(line).every((key) => known.test(key)))
  const inputs = readdirSync(cases).flatMap((name) => readFileSync(join(cases, name, 'input.ndjson'), 'utf8').split(/\r?\n/))
  const lines = [...inputs, ...plain]
    // A byte order mark is not the projection's to judge.
    .filter((line) => line.trim() !== '' && !line.startsWith('\ufeff'))

  const options = { now: Date.now(), ingestedAt: new Date() }
  await session.run('CREATE TEMP TABLE lines (line VARCHAR)')
  await session.append('lines', lines.map((line) => [line]))
  for (const step of carefulSteps(options)) await session.run(step)
  const whole = `to_json({${Object.keys(EVENTS).map((column) => `'${column}': ${column}`).join(', ')}})::VARCHAR AS row`
  const accepted = await session.rows<{ n: bigint; row: string }>(`SELECT n::BIGINT AS n, ${whole} FROM accepted`)
  const careful = new Map(accepted.map(({ n, row }) => [Number(n), row]))
  let taken = 0
  for (const [index, line] of lines.entries()) {
    writeFileSync(segment, `${line}\n`)
    await session.run(`CREATE OR REPLACE TEMP TABLE strict (${columnDefinitions()})`)
    const strict = await session.run(`INSERT INTO strict ${strictRows({ ...options, template, segment, longest: line.length * 3 })}`).then(
      () => session.rows<{ row: string }>(`SELECT ${whole} FROM strict`),
      () => [],
    )
    if (strict.length === 0) continue
    taken++
    assert.deepEqual(strict.map(({ row }) => row), [careful.get(index)], line)
  }
  assert.ok(taken > 150 && taken < lines.length - 150, `${taken} of ${lines.length} lines are plain`)
})

function keysOf(line: string): string[] {
  try {
    return Object.keys(JSON.parse(line))
  } catch {
    return []
  }
}
