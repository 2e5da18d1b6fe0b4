import assert from 'node:assert/strict'
import {
  existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { acquire } from '../../src/lake/lock.ts'
import { addToLake, batch, ended, exists, periodic, start, until, workplace, write } from './workplace.ts'

const LIKES = (count: number, hour = 10): string =>
  `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' + to_seconds(i) AS event_time, 'did:plc:' || i AS did FROM range(${count}) AS r(i)`
const COUNT = { 'queries/metrics/count.sql': 'SELECT count(*) AS n FROM events' }
const SLOW = 'SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3'

function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort()
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

test('a result that did not change is left as it is; one that did is a new file', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/one.sql': 'SELECT 1 AS one' })
  await addToLake(cwd, LIKES(3))
  const inodes = (): number[] => ['count', 'one'].map((name) => statSync(join(cwd, 'metrics', `${name}.csv`)).ino)

  const first = await periodic(cwd)
  assert.equal(first.code, 0)
  assert.equal(first.stderr, '')
  const [glance, heading, ...rows] = lines(first.stdout)
  assert.match(glance ?? '', /^lake: 1 file, 3 events, newest 2026-07-04 10:00:02 \(/)
  assert.match(heading ?? '', /^model +rows +time +top row +since last run$/)
  assert.match(rows[0] ?? '', /^count +1 +\S+ +3 +new$/)
  assert.match(rows[1] ?? '', /^one +1 +\S+ +1 +new$/)
  const before = inodes()

  await addToLake(cwd, LIKES(2, 11))
  const second = await periodic(cwd)
  assert.match(second.stdout, /^lake: 2 files, 5 events, newest 2026-07-04 11:00:01 /)
  assert.match(second.stdout, /^count +1 +\S+ +5 +top was 3$/m)
  assert.match(second.stdout, /^one +1 +\S+ +1 +unchanged$/m)
  const after = inodes()
  assert.notEqual(after[0], before[0])
  assert.equal(after[1], before[1])
  assert.deepEqual(tree(join(cwd, '.sluice')).filter((path) => !path.startsWith('runs/')), ['contents.json', 'lake.json', 'periodic.lock', 'runs', 'staging', 'wal'])
})

test('every way to name events counts all files: a view, a subquery, a common table expression', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/staging/seen.sql': 'SELECT * FROM events',
    'queries/metrics/direct.sql': 'SELECT count(*) AS n FROM events',
    'queries/metrics/of-a-view.sql': 'SELECT count(*) AS n FROM seen',
    'queries/metrics/of-itself.sql': 'WITH events AS (SELECT * FROM events) SELECT count(*) AS n FROM events',
    'queries/metrics/subquery.sql': 'SELECT (SELECT count(*) FROM seen) AS n',
  })
  await addToLake(cwd, LIKES(3))
  await addToLake(cwd, LIKES(4, 11))
  await addToLake(cwd, LIKES(5, 12))
  const { code, stderr } = await periodic(cwd)
  assert.deepEqual([code, stderr], [0, ''])
  for (const file of readdirSync(join(cwd, 'metrics'))) assert.equal(readFileSync(join(cwd, 'metrics', file), 'utf8'), 'n\n12\n', file)
  assert.equal(readdirSync(join(cwd, 'metrics')).length, 4)
})

test('places come from options', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'q/metrics/count.sql': 'SELECT count(*) AS n FROM events' })
  await addToLake(cwd, LIKES(3))
  const lake = "it's [a] lake*"
  renameSync(join(cwd, 'lake'), join(cwd, lake))
  const { code, stderr } = await periodic(cwd, ['--queries', 'q', '--lake', lake, '--metrics', 'm/deep', '--state', 's'])
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  assert.equal(readFileSync(join(cwd, 'm/deep/count.csv'), 'utf8'), 'n\n3\n')
  assert.deepEqual(readdirSync(cwd).sort(), [lake, 'm', 'q', 's'])
})

test('after a compaction only the new generation counts: symlinks are not followed', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  const [file = ''] = await addToLake(cwd, LIKES(3))
  const hour = dirname(dirname(file))
  mkdirSync(join(cwd, '.sluice', 'trash'), { recursive: true })
  renameSync(join(hour, '0'), join(hour, '1'))
  // The old generation, which has the same rows, and one file more.
  const old = join(cwd, '.sluice', 'trash', '0')
  mkdirSync(old)
  writeFileSync(join(old, batch('a')), readFileSync(join(hour, '1', batch('a'))))
  symlinkSync(old, join(hour, '0'))
  symlinkSync(join(old, batch('a')), join(hour, '1', batch('b')))
  symlinkSync(old, join(cwd, 'lake', 'date=2026-07-03'))
  await periodic(cwd)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n3\n')
})

test('all models of a run see the same lake', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/metrics/a.sql': 'SELECT count(*) AS n FROM events',
    'queries/metrics/b.sql': 'SELECT count(*) AS n FROM range(12000) AS a(i), range(12000) AS b(j) WHERE (i * j) % 7 = 3',
    'queries/metrics/c.sql': 'SELECT count(*) AS n FROM events',
  })
  await addToLake(cwd, LIKES(3))
  const done = periodic(cwd)
  await until('the first result is there', () => exists(cwd, 'metrics/a.csv'))
  await addToLake(cwd, LIKES(4, 11))
  assert.equal((await done).code, 0)
  assert.equal(readFileSync(join(cwd, 'metrics/a.csv'), 'utf8'), 'n\n3\n')
  assert.equal(readFileSync(join(cwd, 'metrics/c.csv'), 'utf8'), 'n\n3\n')
})

test('whoever reads a result sees all of one run', async (t) => {
  const cwd = workplace(t)
  const rows = 150_000
  write(cwd, { 'queries/metrics/big.sql': `SELECT i, (SELECT count(*) FROM events) AS n FROM range(${rows}) AS r(i) ORDER BY i` })
  await addToLake(cwd, LIKES(1))
  await periodic(cwd)
  const path = join(cwd, 'metrics/big.csv')
  const expected = new Map([1, 2, 3].map((n) => [`i,n\n${Array.from({ length: rows }, (_, i) => `${i},${n}\n`).join('')}`, n]))
  let reads = 0
  const seen = new Set<number>()
  let running = true
  const reader = (async () => {
    while (running) {
      const n = expected.get(readFileSync(path, 'utf8'))
      assert.notEqual(n, undefined, 'a read saw something else than one run’s result')
      seen.add(n as number)
      reads++
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  for (const hour of [11, 12]) {
    await addToLake(cwd, LIKES(1, hour))
    assert.equal((await periodic(cwd)).code, 0)
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  running = false
  await reader
  assert.deepEqual([...seen], [1, 2, 3])
  assert.ok(reads > 10, `only ${reads} reads`)
})

test('a second periodic says who is running and for how long, and exits with 75', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  mkdirSync(join(cwd, '.sluice'))
  const lock = await acquire(join(cwd, '.sluice/periodic.lock'), Date.now() - 3_600_000)
  const { code, stdout, stderr } = await periodic(cwd)
  assert.equal(code, 75)
  assert.equal(stdout, '')
  assert.match(stderr, new RegExp(`^periodic: another periodic \\(pid ${process.pid}\\) has been running for 1h00m in .sluice; [^\\n]+\\n$`))
  assert.equal(exists(cwd, 'metrics'), false)
  lock?.release()
  assert.equal((await periodic(cwd)).code, 0)
})

test('a periodic that was killed leaves nothing in the way', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/slow.sql': SLOW })
  const child = start(cwd)
  const result = ended(child)
  t.after(() => child.kill('SIGKILL'))
  await until('its first result is there', () => exists(cwd, 'metrics/count.csv'))
  assert.equal((await periodic(cwd, ['--select', 'count'])).code, 75)
  // ./periodic starts nothing: its process is the one that runs.
  child.kill('SIGKILL')
  assert.equal((await result).signal, 'SIGKILL')
  // Whatever it left there, even this.
  write(cwd, { '.sluice/staging/periodic/count.csv/half': '' })
  const next = await periodic(cwd, ['--select', 'count'])
  assert.deepEqual([next.code, next.stderr], [0, ''])
  assert.deepEqual(tree(join(cwd, '.sluice')).filter((path) => !path.startsWith('runs/')), ['contents.json', 'lake.json', 'periodic.lock', 'runs', 'staging', 'wal'])
  assert.deepEqual(readdirSync(join(cwd, 'metrics')), ['count.csv'])
})

test('--select runs the models it means and what they need, and publishes only the former', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/metrics/count.sql': '/* tags: [loud] */ SELECT count(*) AS n FROM events',
    'queries/staging/likes.sql': 'SELECT * FROM events',
    'queries/staging/broken.sql': 'SELECT nosuch FROM events',
    'queries/metrics/likes.count.sql': 'SELECT 1',
    'queries/metrics/twice.sql': 'SELECT 2 * n AS n FROM "like-count"',
    'queries/metrics/like-count.sql': 'SELECT count(*) AS n FROM likes',
    'queries/metrics/bad.sql': 'SELECT * FROM broken',
  })
  await addToLake(cwd, LIKES(3))
  // A file that is no model is a fault of the directory, whatever is selected.
  const first = await periodic(cwd, ['--select', 'twice, COUNT'])
  assert.deepEqual([first.code, lines(first.stderr).length], [1, 1])
  assert.match(first.stderr, /^queries\/metrics\/likes\.count\.sql: expected a file name /)
  assert.match(first.stdout, /^count .*\ntwice .*\n$/m)
  assert.doesNotMatch(first.stdout, /^like-count/m)
  assert.deepEqual(readdirSync(join(cwd, 'metrics')).sort(), ['count.csv', 'twice.csv'])
  assert.equal(readFileSync(join(cwd, 'metrics/twice.csv'), 'utf8'), 'n\n6\n')
  const planned = await periodic(cwd, ['--dry-run', '--select', 'twice'])
  assert.deepEqual(lines(planned.stdout).map((line) => line.split(/ {2,}/).slice(0, 2)), [
    ['queries/staging/likes.sql', 'view'], ['queries/metrics/like-count.sql', 'table'], ['queries/metrics/twice.sql', '→ metrics/twice.csv'],
  ])

  rmSync(join(cwd, 'queries/metrics/likes.count.sql'))
  const published = async (selectors: string): Promise<string[]> => {
    rmSync(join(cwd, 'metrics'), { recursive: true })
    const { code, stderr } = await periodic(cwd, ['--select', selectors])
    assert.deepEqual([code, stderr], [0, ''])
    return readdirSync(join(cwd, 'metrics')).sort()
  }
  assert.deepEqual(await published('likes+'), ['like-count.csv', 'twice.csv'])
  assert.deepEqual(await published('+twice count'), ['count.csv', 'like-count.csv', 'twice.csv'])
  assert.deepEqual(await published('tag:loud'), ['count.csv'])
  assert.deepEqual(await published('./queries/metrics/*count.sql'), ['count.csv', 'like-count.csv'])

  const unknown = await periodic(cwd, ['--select', 'count,+like'])
  assert.equal(unknown.code, 2)
  assert.equal(
    unknown.stderr,
    'periodic: expected --select to name models (bad, broken, count, like-count, likes, twice, tag:loud) or paths of theirs, got `+like`; '
    + 'did you mean `likes`?\n',
  )
  assert.equal((await periodic(cwd, ['--select', 'queries/seeds'])).code, 2)
  assert.equal((await periodic(cwd, ['--select', 'count,'])).code, 2)
})

test('--json prints one object per model and one for the run', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/metrics/bad.sql': 'SELECT\nnosuch FROM (SELECT 1 AS a)',
    'queries/metrics/on-bad.sql': 'SELECT * FROM bad',
    'queries/metrics/texts.sql': 'SELECT did, \'a,"b"\' || chr(10) AS t, NULL AS nothing FROM events ORDER BY did',
  })
  await addToLake(cwd, LIKES(3))
  await periodic(cwd, ['--select', 'texts'])
  await addToLake(cwd, LIKES(5), 'a')
  const { code, stdout, stderr } = await periodic(cwd, ['--json', '--full'])
  assert.equal(code, 1)
  assert.equal(stderr.split('\n', 1)[0], 'queries/metrics/bad.sql:2: Binder Error: Referenced column "nosuch" not found in FROM clause! Candidate bindings: "a"')
  const values = lines(stdout).map((line) => JSON.parse(line) as Record<string, unknown>)
  const times = values.map((value) => value['ms'])
  assert.ok(times.every((ms) => typeof ms === 'number' && ms >= 0))
  const start = String(values.at(-1)?.['run'])
  assert.equal(new Date(start).toISOString(), start)
  const top = { did: 'did:plc:0', t: 'a,"b"\n', nothing: '' }
  assert.deepEqual(values.map(({ ms: _, ...value }) => value), [
    {
      model: 'bad', status: 'failed', file: 'queries/metrics/bad.sql',
      problem: {
        file: 'queries/metrics/bad.sql', line: 2, excerpt: `LINE 2: nosuch FROM (SELECT 1 AS a)\n        ^`,
        message: 'Binder Error: Referenced column "nosuch" not found in FROM clause! Candidate bindings: "a"',
      },
    },
    { model: 'on-bad', status: 'skipped', file: 'queries/metrics/on-bad.sql', because: 'bad' },
    { model: 'texts', status: 'ok', file: 'queries/metrics/texts.sql', target: 'metrics/texts.csv', changed: true, rows: 5, top, before: { rows: 3, top }, tests: [] },
    { run: start, files: 1, events: 5, newest: '2026-07-04T10:00:04.000Z', strangers: [], damaged: [], freshness: [], ok: 1, failed: 1, skipped: 1, upkeep: { merged: [], dropped: [], finished: [], undone: [], skipped: [] } },
  ])
})

test('--dry-run prints the plan and writes nothing', async (t) => {
  const cwd = workplace(t)
  write(cwd, {
    'queries/seeds/names.csv': 'a\n1\n',
    'queries/staging/likes.sql': '/*\ndescription: One row per like\ngrain: one row per like\n*/\nSELECT * FROM events, names',
    'queries/staging/unused.sql': 'SELECT 1',
    'queries/metrics/b.sql': '/* no header */ SELECT * FROM "per-hour"',
    'queries/metrics/per-hour.sql': 'SELECT count(*) FROM likes, names',
  })
  const before = tree(cwd)
  const { code, stdout, stderr } = await periodic(cwd, ['--dry-run'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(lines(stdout).map((line) => line.replace(/ {2,}/g, ' | ')), [
    'queries/seeds/names.csv | table',
    'queries/staging/likes.sql | view | after names | One row per like',
    'queries/metrics/per-hour.sql | → metrics/per-hour.csv | after likes, names',
    'queries/metrics/b.sql | → metrics/b.csv | after per-hour',
  ])
  const json = await periodic(cwd, ['--dry-run', '--json', '--select', 'likes'])
  assert.deepEqual(lines(json.stdout).map((line) => JSON.parse(line) as unknown), [
    { model: 'names', layer: 'seeds', file: 'queries/seeds/names.csv', needs: [], target: null, description: null, problem: null },
    { model: 'likes', layer: 'staging', file: 'queries/staging/likes.sql', needs: ['names'], target: null, description: 'One row per like', problem: null },
  ])
  write(cwd, { 'queries/metrics/b.sql': 'SELECT * FROM per_hours' })
  const wrong = await periodic(cwd, ['--dry-run'])
  assert.deepEqual([wrong.code, lines(wrong.stderr)[0]], [1, 'queries/metrics/b.sql:1: expected the name of a model, a seed or a source, got `per_hours`; did you mean `per-hour`?'])
  assert.deepEqual(tree(cwd), before)
})

test('places that cannot be what they should are told in one sentence', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, file: '' })
  const fails = async (args: string[], code: number, sentence: RegExp): Promise<void> => {
    const result = await periodic(cwd, args)
    assert.match(result.stderr, sentence)
    assert.equal(lines(result.stderr).length, 1)
    assert.deepEqual([result.code, result.stdout], [code, ''])
  }
  const before = tree(cwd)
  await fails(['--queries', 'nosuch'], 2, /^periodic: expected the models in nosuch, got no such directory; /)
  await fails(['--queries', 'file'], 2, /^periodic: cannot read the models in file \(ENOTDIR\); /)
  assert.deepEqual(tree(cwd), before)
  await fails(['--lake', 'file'], 74, /^periodic: expected file to be the lake's directory, got a file; /)
  await fails(['--metrics', 'file'], 74, /^periodic: cannot create the directory file \(EEXIST\); /)
  await fails(['--state', 'file'], 74, /^periodic: cannot make directory file: a file stands where a directory belongs: .* \(EEXIST\)\n$/)
  await fails(['--state', 'file/below'], 74, /^periodic: cannot make directory file\/below: a file stands where a directory belongs: .* \(ENOTDIR\)\n$/)
  await fails(['--every', 'soon'], 2, /^periodic: expected --every to be a duration such as 30s, 10m, 12h or 30d, got `soon`; /)
  await fails(['--every', '0'], 2, /^periodic: expected --every to be a duration of 100ms or more, such as 30s, got `0`; /)
  await fails(['--nosuch'], 2, /^periodic: /)
})

test('results may be on another filesystem', { skip: !existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(tmpdir()).dev }, async (t) => {
  const cwd = workplace(t)
  const metrics = mkdtempSync('/dev/shm/periodic-')
  t.after(() => rmSync(metrics, { recursive: true }))
  write(cwd, COUNT)
  assert.equal((await periodic(cwd, ['--metrics', metrics])).code, 0)
  assert.deepEqual(readdirSync(metrics), ['count.csv'])
  assert.equal(readFileSync(join(metrics, 'count.csv'), 'utf8'), 'n\n0\n')
})

test('a result that cannot be replaced fails alone', async (t) => {
  const cwd = workplace(t)
  write(cwd, { ...COUNT, 'queries/metrics/other.sql': 'SELECT 1 AS a', 'metrics/count.csv/file': '' })
  const { code, stderr } = await periodic(cwd)
  assert.equal(code, 1)
  assert.match(stderr, /^queries\/metrics\/count\.sql: cannot read the last metrics\/count\.csv \(EISDIR\); remove it\n$/)
  assert.equal(readFileSync(join(cwd, 'metrics/other.csv'), 'utf8'), 'a\n1\n')
})

test('a reader of the table that goes away takes nothing with it', async (t) => {
  const cwd = workplace(t)
  write(cwd, COUNT)
  const child = start(cwd)
  child.stdout.destroy()
  const { code } = await new Promise<{ code: number | null }>((resolve) => child.on('close', (code) => resolve({ code })))
  assert.equal(code, 0)
  assert.ok(existsSync(join(cwd, 'metrics/count.csv')))
})

test('the table fits the screen that watch tells', async (t) => {
  const cwd = workplace(t)
  const text = "'a' || chr(27) || '[31m漢字漢字漢字漢字漢字漢字漢字' || chr(8238) || '👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽' || chr(10) || 'end'"
  write(cwd, Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`queries/metrics/metric-${n}.sql`, `SELECT ${text} AS t, ${n} AS n`])))
  write(cwd, { 'queries/metrics/z-broken.sql': 'SELECT nosuch FROM events' })
  const { code, stdout, stderr } = await periodic(cwd, [], { COLUMNS: '60', LINES: '9' })
  assert.equal(code, 1)
  const shown = [...lines(stdout), ...lines(stderr)]
  assert.equal(shown.length, 7)
  for (const line of shown) {
    assert.doesNotMatch(line, /[\p{Cc}\u202e]/u)
    // Each Han character and each thumb (a pair of code points) takes two cells; the rest here take one.
    const cells = [...new Intl.Segmenter().segment(line)].reduce((sum, { segment }) => sum + (/\p{Script=Han}|👍/u.test(segment) ? 2 : 1), 0)
    assert.ok(cells <= 60, `${cells} cells: ${line}`)
  }
  assert.match(stdout, /^z-broken +failed /m)
  assert.match(stdout, /^metric-1 +1 /m)
  assert.match(stdout, /^… [45] more$/m)
  assert.match(stderr, /^queries\/metrics\/z-broken\.sql:1: Binder Error/)
})
