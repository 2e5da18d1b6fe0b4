import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { carefulSteps } from '../../src/ingest/careful.ts'
import { whyNotJson } from '../../src/ingest/json.ts'
import { isLenient } from '../../src/ingest/lenient.ts'
import type { Shape } from '../../src/ingest/shape.ts'
import { SHAPES } from '../../src/ingest/shape.ts'
import { shapeOf, strictRows, templateLines } from '../../src/ingest/strict.ts'
import { columnDefinitions, EVENTS } from '../../src/lake/schema.ts'
import { random } from '../lines.ts'
import { ROOT, workplace } from '../process.ts'
import { damaged } from './damaged.ts'

test('a line that the strict way takes is the same row by the careful way', async (t) => {
  const directory = workplace(t)
  const template = (shape: Shape): string => join(directory, `${shape}.template`)
  const segment = join(directory, 'segment.ndjson')
  for (const shape of SHAPES) writeFileSync(template(shape), templateLines(shape, template(shape)))
  const engine = await openEngine({ threads: 1 })
  t.after(() => engine.close())
  const session = await engine.connect()
  await session.run("SET TimeZone = 'Asia/Kathmandu'")

  const cases = join(ROOT, 'test', 'cases', 'ingest')
  const sample = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8').trim().split('\n')
  const inputs = readdirSync(cases).flatMap((name) => readFileSync(join(cases, name, 'input.ndjson'), 'utf8').split(/\r?\n/))
  const lines = [...inputs, ...sample, ...damaged(sample, 1500, random(7))]
    // A byte order mark is not the projection's to judge.
    .filter((line) => line.trim() !== '' && !line.startsWith('\ufeff'))

  const options = { now: Date.now(), ingestedAt: new Date() }
  await session.run('CREATE TEMP TABLE lines (line VARCHAR)')
  await session.append('lines', lines.map((line) => [line]))
  for (const step of carefulSteps(options)) await session.run(step)
  const whole = `to_json({${Object.keys(EVENTS).map((column) => `'${column}': ${column}`).join(', ')}})::VARCHAR AS row`
  const accepted = await session.rows<{ n: bigint; row: string }>(`SELECT n::BIGINT AS n, ${whole} FROM accepted`)
  const careful = new Map(accepted.map(({ n, row }) => [Number(n), row]))
  const taken = { plain: 0, v1: 0, v2: 0 }
  for (const [index, line] of lines.entries()) {
    const shape = shapeOf(line)
    if (!shape || isLenient(Buffer.from(line))) continue
    writeFileSync(segment, `${line}\n`)
    await session.run(`CREATE OR REPLACE TEMP TABLE strict (${columnDefinitions()})`)
    const strict = await session.run(`INSERT INTO strict ${strictRows({ ...options, shape, template: template(shape), segment, longest: line.length * 3 })}`).then(
      () => session.rows<{ row: string }>(`SELECT ${whole} FROM strict`),
      () => [],
    )
    if (strict.length === 0) continue
    taken[shape]++
    assert.deepEqual(strict.map(({ row }) => row), [careful.get(index)], line)
    assert.equal(whyNotJson(line), undefined, line)
  }
  const { plain, v1, v2 } = taken
  assert.ok(Math.min(plain, v1, v2) > 100 && plain + v1 + v2 < lines.length - 500, `${plain} plain, ${v1} v1 and ${v2} v2 of ${lines.length} lines`)
})
