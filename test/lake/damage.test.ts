import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { readParquet, tree } from '../lake.ts'
import { eventLines } from '../lines.ts'
import type { Result } from '../process.ts'
import { run, workplace } from '../process.ts'

const DATE = 'lake/date=2026-07-04'

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`

async function well(name: string, args: string[], cwd: string, input = ''): Promise<Result> {
  const result = await run(name, args, { cwd, input })
  assert.equal(result.code, 0, `${name} ${args.join(' ')}: ${result.stderr}`)
  return result
}

/** Keys of all files of an hour that can be read. */
async function keysOf(cwd: string, hour: string): Promise<string[]> {
  const files = tree(join(cwd, DATE, hour)).filter((path) => path.endsWith('.parquet')).map((path) => join(cwd, DATE, hour, path))
  const rows = await Promise.all(files.map((path) => readParquet(path).catch(() => [])))
  return rows.flat().flatMap(({ rkey }) => rkey ?? []).sort()
}

const keys = (count: number, from: number): string[] => Array.from({ length: count }, (_, n) => `k${from + n}`).sort()

test('files that are damaged in any way stop neither ingest, nor recovery, nor other hours; each is named', async (t) => {
  const cwd = workplace(t)
  // 14:50 to 15:09 and 16:00, where the stream is.
  await well('handle-stream', ['--roll-rows', '200'], cwd, text(eventLines(1200, 3000)))
  await well('handle-stream', ['--roll-rows', '20'], cwd, text(eventLines(120, 7200)))
  const hour = join(cwd, DATE, 'hour=16/0')
  const [torn = '', zeroed = '', empty = '', foreign = '', nonsense = ''] = readdirSync(hour).sort()
  const at = (file: string): string => join(hour, file)
  truncateSync(at(torn), 1000)
  writeFileSync(at(zeroed), Buffer.alloc(4000))
  writeFileSync(at(empty), '')
  writeFileSync(at(foreign), Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'event_time', data: ['today'] }] })))
  const bytes = readFileSync(at(nonsense))
  bytes.fill(0xff, 4, bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8))
  writeFileSync(at(nonsense), bytes)
  symlinkSync('nowhere', at(torn.replace('00000001.', '00000009.')))
  mkdirSync(join(hour, 'notes'))
  for (const path of [join(cwd, 'lake/.DS_Store'), join(cwd, DATE, 'hour=15/README'), join(hour, 'notes/todo')]) writeFileSync(path, 'none of the lake\'s')

  // What is said again of them is new now; what is said again of others is not.
  const repeated = await well('handle-stream', [], cwd, text([...eventLines(20, 7300), ...eventLines(10, 7320)]))
  for (const file of [torn, zeroed, empty, foreign, nonsense]) assert.ok(repeated.stderr.includes(`handle-stream: cannot read ${DATE}/hour=16/0/${file} (`), repeated.stderr)
  assert.deepEqual(await keysOf(cwd, 'hour=16'), keys(30, 7300))

  // A dead writer's log, of the same hour.
  const killed = await run('handle-stream', [], { cwd, input: text(eventLines(10, 7400)), env: { SLUICE_FAULT: 'kill@before:commit.rename#1' } })
  assert.equal(killed.signal, 'SIGKILL')
  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/hours.sql'), "/* accumulates: {sum: [n]} */ SELECT date_trunc('hour', event_time) AS h, count(*) AS n FROM events GROUP BY ALL")
  const periodic = await run('periodic', [], { cwd })
  assert.equal(periodic.code, 1, periodic.stderr)
  assert.match(periodic.stderr, /^queries\/metrics\/hours\.sql: expected lake\/date=2026-07-04\/hour=16\/0\/\S+ to be a complete Parquet file/m)
  assert.deepEqual(await keysOf(cwd, 'hour=16'), [...keys(30, 7300), ...keys(10, 7400)].sort())
  assert.match(periodic.stdout, /1 hour merged, 3 files into 1/, 'hour 14, which is sealed')
  assert.ok(existsSync(join(cwd, DATE, 'hour=14/1/part-000.parquet')))

  // Of the hours that are sealed one cannot be merged: the other is.
  const skipped = await run('sluice', ['compact', '--seal-after', '0s'], { cwd, input: '' })
  assert.equal(skipped.code, 1)
  assert.match(skipped.stderr, /^sluice compact: date=2026-07-04\/hour=16 is not merged: expected lake\/date=2026-07-04\/hour=16\/0\/\S+ to be a complete Parquet file .*\n$/)
  assert.deepEqual(tree(join(cwd, '.sluice/trash')).filter((path) => path.includes('hour=16')), [])

  const status = await well('sluice', ['status', '--json'], cwd)
  const { warnings } = JSON.parse(status.stdout) as { warnings: string[] }
  assert.match(warnings.join('\n'), /^3 files of the lake cannot be read \(date=2026-07-04\/hour=16\/0\/\S+, \S+, \S+\): run 'sluice fsck --repair'$/m)
  assert.match(warnings.join('\n'), /^4 strangers in the lake, ignored: \.DS_Store, date=2026-07-04\/hour=15\/README, date=2026-07-04\/hour=16\/0\/\S+00000009\.parquet, …: see 'sluice fsck'$/m)
  await well('sluice', ['docs'], cwd)
  const tested = await run('sluice', ['test'], { cwd })
  assert.doesNotMatch(tested.stderr, /internal error/)

  const checked = await run('sluice', ['fsck'], { cwd })
  assert.equal(checked.code, 1)
  for (const path of [...[torn, zeroed, empty, foreign, nonsense].map((file) => join(dirname(`${DATE}/hour=16/0/x`), file)), 'lake/.DS_Store', `${DATE}/hour=15/README`, `${DATE}/hour=16/0/notes/todo`]) {
    assert.ok(checked.stdout.includes(`error    ${path}: `), `${path}: ${checked.stdout}`)
  }
})

test('strangers in an hour that is merged stay where they are', async (t) => {
  const cwd = workplace(t)
  await well('handle-stream', ['--roll-rows', '50'], cwd, text([...eventLines(100), ...eventLines(1, 8000)]))
  const strangers = ['hour=14/README', 'hour=14/notes/todo', 'hour=14/0/copy.parquet', 'hour=14/0/old/todo']
  for (const path of strangers) {
    mkdirSync(dirname(join(cwd, DATE, path)), { recursive: true })
    writeFileSync(join(cwd, DATE, path), path)
  }
  await well('sluice', ['compact', '--grace', '0s'], cwd)
  await well('sluice', ['compact', '--grace', '0s'], cwd)
  assert.deepEqual(tree(join(cwd, '.sluice/trash')), [])
  assert.deepEqual(tree(join(cwd, DATE, 'hour=14')), ['1/copy.parquet', '1/old/todo', '1/part-000.parquet', 'README', 'notes/todo'])
  for (const path of strangers) assert.equal(readFileSync(join(cwd, DATE, path.replace('/0/', '/1/')), 'utf8'), path)
})
