import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readlinkSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { readLake, tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, workplace } from '../process.ts'

/** Events a second apart: 3,600 are an hour. Rolled so that each hour has several files. */
async function fill(cwd: string, count: number, args: readonly string[] = ['--roll-rows', '1000']): Promise<void> {
  const { code, stderr } = await run('handle-stream', args, { cwd, input: eventLines(count).join('\n') })
  assert.equal(code, 0, stderr)
}

const identity = ({ did, rkey, rev }: { did: string; rkey: string | null; rev: string | null }): string => `${did} ${rkey} ${rev}`

test('the files of a sealed hour become one, sorted; open hours stay as they are', async (t) => {
  const cwd = workplace(t)
  await fill(cwd, 10_000)
  const before = await readLake(join(cwd, 'lake'))
  const filesBefore = tree(join(cwd, 'lake'))
  const dry = await run('sluice', ['compact', '--dry-run'], { cwd })
  assert.match(dry.stdout, /^merge date=2026-07-04\/hour=14: 4 files, .*\nmerge date=2026-07-04\/hour=15: 5 files, .*\n$/)
  assert.deepEqual(tree(join(cwd, 'lake')), filesBefore, 'a dry run changes nothing')

  const { code, stdout, stderr } = await run('sluice', ['compact'], { cwd })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /hour=14: 4 files into 1, 3,600 events, 0 repeated/)
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14')
  assert.deepEqual(readdirSync(hour).sort(), ['0', '1'])
  assert.equal(readdirSync(join(hour, '1')).join(), 'part-000.parquet')
  // Old paths still open, through the symlink, until the grace is over.
  assert.equal(readdirSync(join(hour, readlinkSync(join(hour, '0')))).length, 4)
  assert.ok(statSync(join(hour, '0')).isDirectory())
  const real = tree(join(cwd, 'lake')).filter((path) => !/\/0$/.test(path))
  assert.equal(real.length, 1 + 1 + filesBefore.filter((path) => path.includes('hour=16')).length)
  const after = await readLake(join(cwd, 'lake'))
  assert.deepEqual(after.map(identity).sort(), before.map(identity).sort())

  const again = await run('sluice', ['compact'], { cwd })
  assert.equal(again.stdout, 'nothing to do\n')
})

test('late files are merged again; what is in two files, as of two writers that were fed the same at the same moment, is dropped', async (t) => {
  const cwd = workplace(t)
  await fill(cwd, 8000)
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14', '0')
  const [file = ''] = readdirSync(hour)
  copyFileSync(join(hour, file), join(hour, file.replace(/-\d{8}\.parquet$/, '-00009999.parquet')))
  assert.equal((await readLake(join(cwd, 'lake'))).length, 9000)
  const first = await run('sluice', ['compact'], { cwd })
  assert.match(first.stdout, /hour=14: 5 files into 1, 3,600 events, 1,000 repeated/)

  await run('handle-stream', [], { cwd, input: eventLines(40).map((line) => line.replace(/"rev":"r/, '"rev":"late')).join('\n') })
  const waiting = await run('sluice', ['compact'], { cwd })
  assert.equal(waiting.stdout, 'nothing to do\n', 'while old files wait for their grace, their hour is left alone')
  const second = await run('sluice', ['compact', '--grace', '0s'], { cwd })
  assert.match(second.stdout, /hour=14: 2 files into 1, 3,640 events, 0 repeated/)
  const rows = await readLake(join(cwd, 'lake'))
  assert.equal(rows.length, 8040)
  assert.equal(new Set(rows.map(identity)).size, 8040)
})

test('an hour above the target size becomes several files, of whole sorted row groups, with every event in one of them', async (t) => {
  const cwd = workplace(t)
  const stream = await run('bluesky', ['--simulate', '--events', '400100', '--rate', '111', '--start', '2026-07-04T14:00:00Z'], { cwd })
  const filled = await run('handle-stream', ['--roll-seconds', '1h'], { cwd, input: stream.stdout })
  assert.equal(filled.code, 0, filled.stderr)
  const engine = await openEngine()
  const session = await engine.connect()
  t.after(() => engine.close())
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14')
  const sum = `SELECT count(*)::INTEGER AS events, bit_xor(hash(did, collection, rkey, action, rev, cid, rest))::VARCHAR AS sum FROM read_parquet('${hour}/**')`
  const before = await session.rows(sum)

  const { code, stdout, stderr } = await run('sluice', ['compact', '--seal-after', '0s', '--target-size', '20MB'], { cwd })
  assert.equal(code, 0, stderr)
  const files = readdirSync(join(hour, '1')).sort()
  assert.ok(files.length > 1, stdout)
  assert.deepEqual(files, files.map((_, part) => `part-00${part}.parquet`))
  assert.deepEqual(await session.rows(sum), before)

  const key = "action || ' ' || collection || ' ' || did"
  // A group that is not full may stand before full ones of its file.
  await session.run(`
    CREATE TABLE sorted AS SELECT ${key} AS key, file_row_number AS place, filename || row_group_id AS row_group
    FROM read_parquet('${hour}/**', filename = true, file_row_number = true) JOIN (
      SELECT file_name, row_group_id, sum(row_group_num_rows) OVER (PARTITION BY file_name ORDER BY row_group_id) AS past, past - row_group_num_rows AS first
      FROM parquet_metadata('${hour}/**') WHERE column_id = 0
    ) ON filename = file_name AND file_row_number >= first AND file_row_number < past`)
  const [{ rows, unsorted } = { rows: 0n, unsorted: -1n }] = await session.rows<{ rows: bigint; unsorted: bigint }>(
    'SELECT count(*) AS rows, count(*) FILTER (key < before) AS unsorted FROM (SELECT key, lag(key) OVER (PARTITION BY row_group ORDER BY place) AS before FROM sorted)',
  )
  assert.deepEqual([Number(rows), Number(unsorted)], [before[0]?.['events'], 0])
  const groups = await session.rows<{ first: string; last: string }>(
    'SELECT min(key) AS first, max(key) AS last FROM sorted GROUP BY row_group ORDER BY first, last',
  )
  assert.ok(groups.length >= 7, '400,000 rows are seven groups')
  groups.forEach(({ first }, n) => assert.ok(n === 0 || first >= (groups[n - 1]?.last as string), `group ${n} begins where another has ended`))
})

test('the last hour of a stream that has ended is merged when nothing has come to it for as long as it takes to seal one', async (t) => {
  const cwd = workplace(t)
  await fill(cwd, 3000)
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14', '0')
  const old = (age: number): void => readdirSync(hour).forEach((file) => utimesSync(join(hour, file), Date.now() / 1000 - age, Date.now() / 1000 - age))
  old(9 * 60)
  assert.equal((await run('sluice', ['compact'], { cwd })).stdout, 'nothing to do\n')
  // A clock that was set back.
  old(-3600)
  assert.equal((await run('sluice', ['compact'], { cwd })).stdout, 'nothing to do\n')
  assert.match((await run('sluice', ['status'], { cwd })).stdout, /1 open, 0 sealed/)
  old(11 * 60)
  // One that has just come.
  await run('handle-stream', [], { cwd, input: eventLine(3000) })
  assert.equal((await run('sluice', ['compact'], { cwd })).stdout, 'nothing to do\n')
  old(11 * 60)
  assert.match((await run('sluice', ['status'], { cwd })).stdout, /0 open, 1 sealed/)
  assert.match((await run('sluice', ['compact'], { cwd })).stdout, /hour=14: 4 files into 1, 3,001 events/)
  // An hour that is not over, or of a clock ahead of ours.
  const ahead = Date.now() + 3_600_000
  await run('handle-stream', ['--roll-rows', '1'], { cwd, input: [0, 1].map((n) => eventLine(n, ahead)).join('\n') })
  for (const path of tree(join(cwd, 'lake')).filter((path) => /\d\.parquet$/.test(path))) utimesSync(join(cwd, 'lake', path), 1, 1)
  assert.equal((await run('sluice', ['compact'], { cwd })).stdout, 'nothing to do\n')
})

test('retention drops whole dates, never most of the lake unasked', async (t) => {
  const cwd = workplace(t)
  const day = 86_400_000
  const start = Date.parse('2026-07-01T10:00:00Z')
  const input = [0, 1, 2, 3, 4].flatMap((n) => Array.from({ length: 20 }, (_, k) => eventLine(n * 20 + k, start + n * day))).join('\n')
  await run('handle-stream', [], { cwd, input })
  const refused = await run('sluice', ['compact', '--keep', '12h'], { cwd })
  assert.match(refused.stderr, /^sluice compact: expected --keep to drop at most half of the lake, got 3 dates with \d+ % .* say --yes if you mean it\n$/)
  assert.equal(refused.code, 2)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 100)

  const { code, stdout } = await run('sluice', ['compact', '--keep', '2d'], { cwd })
  assert.equal(code, 0)
  assert.match(stdout, /^date=2026-07-01: dropped\ndate=2026-07-02: dropped\n$/)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 60)
  // A query that had listed the lake before still opens its files.
  assert.equal(readdirSync(join(cwd, 'lake', 'date=2026-07-01')).join(), 'hour=10')
  await run('sluice', ['compact', '--grace', '0s'], { cwd })
  assert.deepEqual(readdirSync(join(cwd, 'lake')), ['date=2026-07-03', 'date=2026-07-04', 'date=2026-07-05'])
  assert.deepEqual(tree(join(cwd, '.sluice', 'trash')), [])

  // A late event begins its date anew.
  await run('sluice', ['compact', '--keep', '1d'], { cwd })
  await run('handle-stream', [], { cwd, input: eventLine(1000, start + 2 * day) })
  assert.equal((await readLake(join(cwd, 'lake'))).length, 41)
})

test('where the filesystem has no exchange, renames do it, and a swap that was cut short is ended', async (t) => {
  for (const cut of ['', ',kill@after:swap.publish#1', ',kill@after:swap.retire#1', ',kill@after:swap.symlink#1', ',kill@after:swap.retire#2']) {
    const cwd = workplace(t)
    await fill(cwd, 5000)
    const fault = `fail@exchange#1:ENOSYS${cut}`
    const { code, signal, stderr } = await run('sluice', ['compact'], { cwd, env: { SLUICE_FAULT: fault } })
    assert.match(stderr, /^fault: fail@exchange#1:ENOSYS$/m)
    if (cut === '') assert.equal(code, 0, stderr)
    else assert.equal(signal, 'SIGKILL', stderr)
    const next = await run('sluice', ['compact', '--grace', '0s'], { cwd })
    assert.equal(next.code, 0, next.stderr)
    await run('sluice', ['compact', '--grace', '0s'], { cwd })
    const rows = await readLake(join(cwd, 'lake'))
    assert.equal(new Set(rows.map(identity)).size, 5000, cut)
    assert.equal(rows.length, 5000, cut)
    assert.deepEqual(tree(join(cwd, '.sluice', 'trash')), [])
  }
})
