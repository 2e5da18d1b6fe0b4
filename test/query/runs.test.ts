import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tree } from '../lake.ts'
import { eventLines, random } from '../lines.ts'
import { run, start, until, workplace } from '../process.ts'
import { addToLake, write } from './workplace.ts'

interface Recorded {
  start: string
  end: string
  ms: number
  sluice: string
  duckdb: string
  lake: { files: number; events: number; newest: string | null; bytes: number; digest: string } | null
  models: { name: string; layer: string; status: string; rows?: number; changed?: boolean; version: string | null; problem?: string; because?: string; tests?: object[] }[]
  ok: number
  failed: number
  skipped: number
  upkeep: object | null
  error?: string
}

const LIKES = (count: number, hour = 10): string =>
  `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' + to_seconds(i) AS event_time, 'commit' AS kind, 'did:plc:' || i AS did FROM range(${count}) AS r(i)`
const COUNT = { 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' }
const SLOW = 'SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3'
const RUNS = '.sluice/runs'

/** What is kept, the oldest first; each file is whole. */
function kept(cwd: string): Recorded[] {
  const names = existsSync(join(cwd, RUNS)) ? readdirSync(join(cwd, RUNS)).sort() : []
  return names.map((name) => {
    assert.match(name, /^\d{8}T\d{9}Z-[0-9a-z]{6}\.json$/)
    const text = readFileSync(join(cwd, RUNS, name), 'utf8')
    assert.match(text, /^\{.*\}\n$/)
    const record = JSON.parse(text) as Recorded
    assert.equal(name.slice(0, 19), record.start.replace(/[-:.]/g, ''))
    return record
  })
}

async function sluice(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('sluice', args, { cwd })
  assert.deepEqual([code, stderr], [0, ''])
  return stdout
}

const lines = (text: string): string[] => text.trimEnd().split('\n')
const cells = (line: string): string[] => line.split(/ {2,}/)

test('a run leaves a record of what it saw and what came of each model, the one that failed included', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    ...COUNT,
    'queries/metrics/bad.sql': 'SELECT\nnosuch FROM events',
    'queries/metrics/on-bad.sql': 'SELECT * FROM bad',
    'queries/seeds/people.csv': 'name\nAda\n',
    'queries/staging/named.sql': 'SELECT * FROM events, people',
    'queries/metrics/dids.sql': '/* columns: {did: {tests: [not_null, {unique: true, severity: warn}]}} */ SELECT did FROM named ORDER BY did',
    'queries/metrics/null.sql': '/* columns: {n: {tests: [not_null]}} */ SELECT NULL AS n',
    'queries/sources.yaml': 'events: {freshness: {warn: 1h}}',
  })
  await addToLake(cwd, LIKES(3))
  await addToLake(cwd, LIKES(4, 11), 'b')
  const before = Date.now()
  assert.equal((await run('periodic', [], { cwd })).code, 1)
  const [record, ...others] = kept(cwd)
  assert.ok(record)
  assert.deepEqual(others, [])
  const { start, end, ms, lake, models, ...rest } = record
  assert.ok(before <= Date.parse(start) && Date.parse(start) + ms <= Date.parse(end) && Date.parse(end) <= Date.now())
  const files = tree(join(cwd, 'lake'))
  assert.deepEqual(lake, {
    files: 2,
    events: 7,
    newest: '2026-07-04T11:00:03.000Z',
    bytes: files.reduce((sum, file) => sum + statSync(join(cwd, 'lake', file)).size, 0),
    digest: createHash('sha256').update(files.join('\n')).digest('hex'),
  })
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  const upkeep = { merged: [], dropped: [], finished: [], undone: [], skipped: [] }
  const freshness = [{ of: 'events', newest: null, ageSeconds: 3600, late: 'warn', warnSeconds: 3600, errorSeconds: null }]
  assert.deepEqual(rest, { sluice: version, duckdb: '1.5.5', ok: 2, failed: 2, skipped: 1, upkeep, freshness })
  const shown = models.map(({ name, layer, status, rows, changed, version, because, problem, tests }) => (
    { name, layer, status, rows, changed, version: version?.length, because, problem: problem?.slice(0, 46), tests }
  ))
  const nothing = { rows: undefined, changed: undefined, because: undefined, problem: undefined, tests: undefined }
  assert.deepEqual(shown, [
    { ...nothing, name: 'bad', layer: 'metrics', status: 'failed', version: 64, problem: 'queries/metrics/bad.sql:2: Binder Error: Refer' },
    { ...nothing, name: 'count', layer: 'metrics', status: 'ok', rows: 1, changed: true, version: 64 },
    { ...nothing, name: 'people', layer: 'seeds', status: 'ok', version: 64 },
    { ...nothing, name: 'named', layer: 'staging', status: 'ok', version: 64 },
    { ...nothing, name: 'dids', layer: 'metrics', status: 'ok', rows: 7, changed: true, version: 64, tests: [{ name: 'dids.did.not_null', status: 'pass', rows: 0 }, { name: 'dids.did.unique', status: 'warn', rows: 6 }] },
    { ...nothing, name: 'null', layer: 'metrics', status: 'failed', version: 64, problem: 'queries/metrics/null.sql:1: null.n.not_null do', tests: [{ name: 'null.n.not_null', status: 'fail', rows: 1 }] },
    { ...nothing, name: 'on-bad', layer: 'metrics', status: 'skipped', version: 64, because: 'bad' },
  ])

  assert.deepEqual(lines(await sluice(cwd, 'runs', '--json')).map((line) => JSON.parse(line)), [record])
  assert.match(await sluice(cwd, 'status'), /^periodic +last run .* ago: 2 ok, 2 failed, 1 skipped$/m)
  // The lock says nothing of when the last run was.
  utimesSync(join(cwd, '.sluice/periodic.lock'), 0, 0)
  const { periodic } = JSON.parse(await sluice(cwd, 'status', '--json')) as { periodic: object }
  assert.deepEqual(periodic, { running: false, killed: null, last: { start, end, ok: 2, failed: 2, skipped: 1 } })
})

test('runs are listed with what was new in each, and so are those of one model', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/dids.sql': 'SELECT did FROM events ORDER BY did', 'queries/metrics/same.sql': 'SELECT 1 AS one' })
  assert.equal(await sluice(cwd, 'runs'), 'no run is on record\n')
  await addToLake(cwd, LIKES(1200))
  await run('periodic', [], { cwd })
  await addToLake(cwd, LIKES(300, 11))
  await run('periodic', [], { cwd })
  write(cwd, { 'queries/metrics/dids.sql': 'SELECT nosuch FROM events' })
  await run('periodic', [], { cwd })
  write(cwd, { 'queries/metrics/dids.sql': 'SELECT did FROM events WHERE did < \'did:plc:2\' ORDER BY did' })
  await run('periodic', [], { cwd })

  const [heading, ...rows] = lines(await sluice(cwd, 'runs'))
  assert.match(heading ?? '', /^start +took +models +events +new +results that changed$/)
  assert.deepEqual(rows.map((row) => cells(row).slice(2)), [
    ['3 ok', '1,500', '0', 'dids'],
    ['2 ok, 1 failed', '1,500', '0'],
    ['3 ok', '1,500', '+300', 'count, dids'],
    ['3 ok', '1,200', 'count, dids, same'],
  ])
  assert.deepEqual(rows.map((row) => row.slice(0, 19)), kept(cwd).map(({ start }) => start.slice(0, 19).replace('T', ' ')).reverse())
  // Of the last that is shown, too, it is known what was new in it.
  assert.deepEqual(lines(await sluice(cwd, 'runs', '--limit', '3')).map(cells), [heading ?? '', ...rows.slice(0, 3)].map(cells))

  const of = lines(await sluice(cwd, 'runs', '--model', 'DIDS')).slice(1)
  assert.deepEqual(of.map((row) => cells(row).slice(1).filter((cell) => !/^\d+m?s$/.test(cell)).map((cell) => cell.replace(/! Candidate .*/, ''))), [
    ['ok', '424', '-1,076', 'result changed; SQL changed'],
    ['failed', 'SQL changed; queries/metrics/dids.sql:1: Binder Error: Referenced column "nosuch" not found in FROM clause'],
    ['ok', '1,500', '+300', 'result changed'],
    ['ok', '1,200', 'result changed'],
  ])
  const json = lines(await sluice(cwd, 'runs', '--model', 'dids', '--limit', '2', '--json')).map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(json.map(({ name, status, rows: count }) => [name, status, count]), [['dids', 'ok', 424], ['dids', 'failed', undefined]])

  const stranger = await run('sluice', ['runs', '--model', 'nosuch'], { cwd })
  assert.deepEqual([stranger.code, stranger.stderr], [2, "sluice runs: expected --model to name a model that has run, got `nosuch`; see 'periodic --dry-run'\n"])
})

test('a run that is killed leaves no record, nor half of one', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/slow.sql': SLOW })
  await addToLake(cwd, LIKES(3))
  const { child, ended } = start('periodic', [], { cwd })
  t.after(() => child.kill('SIGKILL'))
  await until('the first model is out and the second runs', () => existsSync(join(cwd, 'metrics/count.csv')))
  assert.match(await sluice(cwd, 'status'), /^periodic +running for .* \(pid \d+\); no run is on record$/m)
  child.kill('SIGKILL')
  assert.equal((await ended).signal, 'SIGKILL')
  assert.deepEqual(kept(cwd), [])
  assert.match(await sluice(cwd, 'status'), /^periodic +was killed; began .* ago; no run is on record$/m)
  // As one would leave it that was killed before the rename.
  const half = '20260704T143808085Z-k3x9qa.json'
  write(cwd, { [`.sluice/staging/periodic/${half}`]: '{"start":' })
  rmSync(join(cwd, 'queries/metrics/slow.sql'))
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  assert.equal(kept(cwd).length, 1)
  assert.ok(!tree(join(cwd, '.sluice')).some((file) => file.endsWith(half)))
  assert.match(await sluice(cwd, 'status'), /^periodic +last run .* ago: 1 ok$/m)
})

test('killed at any instant, what is kept is whole, and the next run adds its own', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  await run('handle-stream', [], { cwd, input: eventLines(3).join('\n') })
  const began = performance.now()
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  let took = performance.now() - began
  const chance = random(Number(process.env['SEED'] ?? 1))
  let killed = 0
  for (let times = 0; times < 8; times++) {
    const before = kept(cwd).length
    const { child, ended } = start('periodic', [], { cwd })
    // The record is written towards the end.
    setTimeout(() => child.kill('SIGKILL'), took * (0.6 + 0.4 * chance())).unref()
    const { signal } = await ended
    if (signal === 'SIGKILL') killed++
    // Later runs are quicker than the first.
    else took *= 0.7
    const added = kept(cwd).length - before
    assert.ok(signal === 'SIGKILL' ? added === 0 || added === 1 : added === 1, `${added} after ${signal}`)
  }
  assert.ok(killed > 0, 'some were killed')
  const before = kept(cwd).length
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  assert.equal(kept(cwd).length, before + 1)
  assert.match(await sluice(cwd, 'fsck'), /: clean/)
})

test('a run that fails as a whole says why in its record; one that was asked wrongly has none', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  writeFileSync(join(cwd, 'lake'), 'no directory')
  const { code, stderr } = await run('periodic', [], { cwd })
  assert.equal(code, 74)
  const [record] = kept(cwd)
  assert.equal(`periodic: ${record?.error}\n`, stderr)
  assert.deepEqual([record?.lake, record?.models, record?.upkeep], [null, [], null])
  assert.match(await sluice(cwd, 'runs'), /^2.* none +expected lake to be the lake's directory, got a file/m)
  rmSync(join(cwd, 'lake'))
  assert.match(await sluice(cwd, 'status'), /^periodic +last run .* ago: expected lake to be /m)
  assert.equal((await run('periodic', ['--select', 'nosuch'], { cwd })).code, 2)
  assert.equal(kept(cwd).length, 1)
})

test('the last thousand records are kept, and only files that are records count', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  await run('handle-stream', [], { cwd, input: eventLines(3).join('\n') })
  const old = Array.from({ length: 1003 }, (_, n) => new Date(Date.parse('2026-01-01T00:00:00Z') + n * 1000).toISOString())
  const name = (start: string): string => `${start.replace(/[-:.]/g, '')}-abcdef.json`
  write(join(cwd, RUNS), Object.fromEntries(old.map((start) => [name(start), `${JSON.stringify({ start, end: start, ms: 1, lake: null, models: [], ok: 0, failed: 0, skipped: 0 })}\n`])))
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  const names = readdirSync(join(cwd, RUNS)).sort()
  assert.deepEqual(names.slice(0, -1), old.slice(4).map(name))
  assert.equal(names.length, 1000)

  writeFileSync(join(cwd, RUNS, name('2099-01-01T00:00:00.000Z')), '{"start":')
  writeFileSync(join(cwd, RUNS, 'notes.txt'), 'notes')
  mkdirSync(join(cwd, '.sluice/contributions/count'), { recursive: true })
  writeFileSync(join(cwd, '.sluice/contributions/count/a.parquet'), '')
  assert.equal(lines(await sluice(cwd, 'runs', '--limit', '2000', '--json')).length, 1000)
  const { stdout } = await run('sluice', ['fsck', '--quick'], { cwd })
  assert.deepEqual(lines(stdout).slice(0, -1).map((line) => line.split(':')[0]), [
    `warning  .sluice/runs/${name('2099-01-01T00:00:00.000Z')}`,
    'warning  .sluice/runs/notes.txt',
  ])
  assert.equal((await run('sluice', ['fsck', '--repair'], { cwd })).code, 0)
  assert.match(await sluice(cwd, 'fsck', '--quick'), /: clean/)
  assert.deepEqual(tree(join(cwd, '.sluice/quarantine')).map((path) => path.slice(path.indexOf('/') + 1)), [`runs/${name('2099-01-01T00:00:00.000Z')}`, 'runs/notes.txt'])
})

test('where no record can be kept, the results are out and shown before it says so', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, [RUNS]: 'a file' })
  await addToLake(cwd, LIKES(3))
  const { code, stdout, stderr } = await run('periodic', [], { cwd })
  assert.equal(code, 74)
  assert.match(stdout, /^count +1 /m)
  assert.match(stderr, /^periodic: cannot keep the record of this run in \.sluice\/runs: a file stands where a directory belongs: .*\n$/)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n3\n')
})
