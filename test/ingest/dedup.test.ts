import assert from 'node:assert/strict'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readLake, readParquet, tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, start, until, workplace } from '../process.ts'

const keys = (rows: { rkey: string | null }[]): string[] => rows.map(({ rkey }) => String(rkey)).sort()
const expectedKeys = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`).sort()

async function feed(cwd: string, lines: readonly string[], args: readonly string[] = []): Promise<string> {
  const { code, stderr } = await run('handle-stream', ['--roll-rows', '1000', ...args], { cwd, input: lines.join('\n') })
  assert.equal(code, 0, stderr)
  return stderr.trim().split('\n').at(-1) ?? ''
}

test('a stream that is fed again, or goes back by hours, adds what the lake does not hold, whatever became of the files', async (t) => {
  for (const writer of ['duckdb', 'parquetjs']) {
    const cwd = workplace(t)
    const args = ['--writer', writer]
    await feed(cwd, eventLines(9000), args)
    assert.match(await feed(cwd, eventLines(9000), args), /^0 events .* 9,000 repeated/)
    // In one stream, back by two hours, past what is in memory.
    assert.match(await feed(cwd, [...eventLines(100, 9000), ...eventLines(9200)], args), /^200 events .* 9,100 repeated/)
    assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(9200))
    if (writer === 'parquetjs') continue
    const { stdout } = await run('sluice', ['compact', '--seal-after', '0s'], { cwd })
    assert.match(stdout, /hour=15: 5 files into 1/)
    assert.match(await feed(cwd, [...eventLines(50, 9200), ...eventLines(9000).filter((_, n) => n % 7 !== 3), eventLine(9250)]), /^51 events/)
    assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(9251))
  }
})

test('an event of an old hour in the midst of a stream, and streams of two times in one, are compared each with its own time', async (t) => {
  const cwd = workplace(t)
  const late = (n: number): string => eventLine(n, Date.parse('2026-07-01T03:00:00Z')).replace(/\/k(\d+)"/, '/klate$1"').replace('"rev":"r', '"rev":"late')
  const lines = eventLines(6000).flatMap((line, n) => (n % 2 === 0 ? [line, late(n)] : [line]))
  await feed(cwd, lines)
  assert.match(await feed(cwd, lines), /^0 events .* 9,000 repeated/)
  assert.match(await feed(cwd, [...eventLines(10, 6000), late(100), late(101), ...eventLines(10, 6010)]), /^21 events .* 1 repeated/)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 9021)
})

test('what has left the lake while the writer runs is new again, and what is merged meanwhile is not', async (t) => {
  const cwd = workplace(t)
  const { child, ended, said } = start('handle-stream', ['--roll-rows', '1000'], { cwd })
  const write = (lines: readonly string[]): void => void child.stdin?.write(`${lines.join('\n')}\n`)
  const files = (count: number): Promise<void> => until(`${count} batches`, () => said.stderr.split('\n').length === count + 1)
  write(eventLines(5000))
  await files(5)
  // All are in memory, or have been read from the lake.
  write(eventLines(5000))
  await files(10)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 5000)
  assert.equal((await run('sluice', ['compact'], { cwd })).code, 0)
  write(eventLines(5000))
  await files(15)
  assert.match(said.stderr, /10,000 repeated/)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 5000)
  // As retention and repairs do.
  mkdirSync(join(cwd, 'aside'))
  for (const path of tree(join(cwd, 'lake')).filter((path) => path.endsWith('.parquet'))) renameSync(join(cwd, 'lake', path), join(cwd, 'aside', path.replaceAll('/', ',')))
  write(eventLines(5000))
  await files(20)
  child.stdin?.end()
  assert.equal((await ended).code, 0)
  assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(5000))
})

test('a batch over hundreds of hours becomes a file for each, in the order of its lines, and is known when it comes again', async (t) => {
  const cwd = workplace(t)
  const lines = Array.from({ length: 600 }, (_, n) => eventLine(n, Date.parse('2026-05-01T00:30:00Z') + ((n * 7) % 300) * 3_600_000 - n * 1000))
  await feed(cwd, lines)
  const files = tree(join(cwd, 'lake'))
  assert.equal(files.length, 300)
  for (const file of files) {
    const numbers = (await readParquet(join(cwd, 'lake', file))).map(({ rkey }) => Number(String(rkey).slice(1)))
    assert.deepEqual(numbers.map((number) => number % 300), [numbers[0], numbers[0]], file)
    assert.equal(numbers.length, 2)
  }
  assert.equal((await readLake(join(cwd, 'lake'))).length, 600)
  assert.deepEqual(tree(join(cwd, '.sluice')), ['lake.json'])
  assert.match(await feed(cwd, [...lines, eventLine(600)]), /^1 events .* 600 repeated/)
})

test('a file that cannot be read is told of once, and stops nothing', async (t) => {
  const cwd = workplace(t)
  await feed(cwd, eventLines(3000))
  const [broken = ''] = tree(join(cwd, 'lake'))
  writeFileSync(join(cwd, 'lake', broken), 'PAR1, and nothing else')
  const { code, stderr } = await run('handle-stream', ['--roll-rows', '500'], { cwd, input: eventLines(4000).join('\n') })
  assert.equal(code, 0, stderr)
  assert.equal(stderr.match(/^handle-stream: cannot read .*: events that it may hold are not compared with; see 'sluice fsck'$/gm)?.length, 1, stderr)
  // Its own events come again, and no others.
  assert.match(stderr.trim().split('\n').at(-1) ?? '', /^2,000 events .* 2,000 repeated/)
})

test('the writer in JavaScript says that it does not compare with what DuckDB wrote', async (t) => {
  const cwd = workplace(t)
  await feed(cwd, eventLines(10))
  const { stderr } = await run('handle-stream', ['--writer', 'parquetjs'], { cwd, input: eventLines(20).join('\n') })
  assert.match(stderr, /^handle-stream: cannot compare with 1 files of the lake, such as .*, which DuckDB wrote: .*; use --writer duckdb$/m)
})
