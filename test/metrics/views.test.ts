import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { before, test } from 'node:test'
import { openEngine, quote } from '../../src/duckdb.ts'
import { random } from '../lines.ts'
import { ROOT, run, workplace } from '../process.ts'
import type { Python } from '../setup/duckdb-python.ts'
import { duckdbPython } from '../setup/duckdb-python.ts'
import { writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

const LIVE = ['1.5.5', '2.0.1']
const pythons = new Map<string, Python>()
before(async () => {
  for (const version of LIVE) pythons.set(version, await duckdbPython(version))
})

/** Connects as argv[1] says, and writes what each view of argv[3:] has to argv[2] as periodic publishes it. Prints how many of them are tables. */
const ASK = `
import duckdb, sys
how, target, *views = sys.argv[1:]
if how.endswith('.sql'):
    text = open(how).read()
    # What the shell does with its own commands.
    text = text.replace('.read queries/macros.sql', open('queries/macros.sql').read() if '.read ' in text else '').replace("getenv('SLUICE_LAKE')", "''")
    connection = duckdb.connect()
    connection.execute(text)
elif how.endswith('+attached'):
    connection = duckdb.connect()
    connection.execute("ATTACH '" + how[:-9].replace("'", "''") + "' AS other (READ_ONLY)")
    views = ['other.main."' + view + '"' for view in views]
else:
    connection = duckdb.connect(how, read_only=True).cursor()
for view in views:
    name = view.split('"')[-2] if '"' in view else view
    connection.execute(f"COPY (FROM {view if '.' in view else chr(34) + view + chr(34)}) TO '{target}/{name}.csv' (FORMAT csv, HEADER true)")
print(connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()[0][0])
`

test('queries/lake.sql is what sluice views --relative prints', async () => {
  const { stdout, stderr, code } = await run('sluice', ['views', '--relative'], { cwd: ROOT })
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(readFileSync(join(ROOT, 'queries/lake.sql'), 'utf8'), stdout, 'sluice views --relative > queries/lake.sql')
})

test('the views say what periodic publishes: in a file and as SQL, of DuckDB in Python, in another directory; new events and models too', async (t) => {
  const cwd = workplace(t)
  const elsewhere = workplace(t)
  // Each of these means something to DuckDB, in a path or in a text.
  const lake = join(cwd, "date=2020-01-01/hour=07/o'clock [a] *lake")
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/added.sql'), "/* description: a metric of one's own; with a semicolon */\nselect date, hour, count(*) as n\nfrom events group by 1, 2\norder by 1, 2; -- the end")
  mkdirSync(lake, { recursive: true })
  const rows = seededRows(random(12), 4000)
  await writeLake(lake, rows.slice(0, 3000))
  const file = join(cwd, "out/it's.duckdb")
  const options = ['--lake', lake]
  const made = await run('sluice', ['views', file, ...options], { cwd })
  assert.deepEqual([made.code, made.stderr], [0, ''])
  assert.match(made.stdout, /^.*it's\.duckdb: \d+ views\n$/)
  const text = await run('sluice', ['views', ...options], { cwd })
  assert.deepEqual([text.code, text.stderr], [0, ''])
  writeFileSync(join(cwd, 'views.sql'), text.stdout)
  // The views are older than these events.
  await writeLake(lake, rows.slice(3000), '20260704T000000000Z-000000-00000002')
  const published = await run('periodic', options, { cwd })
  assert.equal(published.code, 0, published.stderr)
  const metrics = readdirSync(join(cwd, 'metrics')).map((name) => basename(name, '.csv'))
  assert.ok(metrics.includes('added') && metrics.length > 5)
  const read = (directory: string): Record<string, string> => Object.fromEntries(metrics.map((name) => [name, readFileSync(join(directory, `${name}.csv`), 'utf8')]))
  const right = read(join(cwd, 'metrics'))
  for (const [metric, content] of Object.entries(right)) assert.ok(content.split('\n').length > 2, `${metric} has rows`)
  // date and hour are those of the event, whatever stands above the lake.
  const hours = new Map<string, number>()
  for (const { event_time } of rows) {
    const hour = new Date(event_time / 1000).toISOString().slice(0, 13)
    hours.set(hour, (hours.get(hour) ?? 0) + 1)
  }
  right['added'] = `date,hour,n\n${[...hours].sort().map(([hour, n]) => `${hour.slice(0, 10)},${Number(hour.slice(11))},${n}\n`).join('')}`
  for (const [version, python] of pythons) {
    for (const how of [file, `${file}+attached`, join(cwd, 'views.sql')]) {
      const target = join(elsewhere, `${version}-${basename(how).replaceAll("'", '')}`)
      mkdirSync(target)
      assert.equal(await python(ASK, [how, target, ...metrics], elsewhere), '0\n')
      assert.deepEqual(read(target), right, `${how} in DuckDB ${version}`)
    }
  }
})

test('sluice check says when queries/lake.sql does not have a model, and --relative makes it have it', async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/added.sql'), '/*\ndescription: One\ngrain: one row\ncolumns:\n  one: {type: integer, description: One}\n*/\nselect 1 as one\n')
  const missing = await run('sluice', ['check'], { cwd })
  assert.match(missing.stdout, /^queries\/lake\.sql: expected a view of each model, got none of added; make it anew: sluice views --relative > queries\/lake\.sql$/m)
  writeFileSync(join(cwd, 'queries/lake.sql'), (await run('sluice', ['views', '--relative'], { cwd })).stdout)
  const there = await run('sluice', ['check'], { cwd })
  assert.deepEqual([there.code, /^nothing found$/m.test(there.stdout)], [0, true], there.stdout)
})

test('queries/lake.sql is understood by DuckDB 2, too', async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  mkdirSync(join(cwd, 'lake'))
  await writeLake(join(cwd, 'lake'), seededRows(random(13), 2000))
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  mkdirSync(join(cwd, 'asked'))
  const metrics = readdirSync(join(cwd, 'metrics')).map((name) => basename(name, '.csv'))
  await pythons.get('2.0.1')?.(ASK, ['queries/lake.sql', 'asked', ...metrics], cwd)
  for (const metric of metrics) assert.equal(readFileSync(join(cwd, 'asked', `${metric}.csv`), 'utf8'), readFileSync(join(cwd, 'metrics', `${metric}.csv`), 'utf8'), metric)
})

test('what is wrong is said, and nothing of anybody else is written over', async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  const views = (...args: string[]): ReturnType<typeof run> => run('sluice', ['views', ...args], { cwd })
  const empty = await views('lake.duckdb')
  assert.deepEqual([empty.code, empty.stderr], [74, 'sluice views: expected a lake with events in lake, got no file of one; run handle-stream first, or give another one by --lake\n'])
  mkdirSync(join(cwd, 'lake'))
  await writeLake(join(cwd, 'lake'), seededRows(random(14), 100))

  const engine = await openEngine()
  const session = await engine.connect()
  await session.run(`ATTACH ${quote(join(cwd, 'mine.duckdb'))} AS mine; CREATE TABLE mine.kept AS SELECT 42 AS answer; DETACH mine`)
  writeFileSync(join(cwd, 'notes.txt'), 'no database')
  for (const name of ['mine.duckdb', 'notes.txt']) {
    const before = readFileSync(join(cwd, name))
    const { code, stderr } = await views(name)
    assert.equal(code, 2)
    assert.match(stderr, new RegExp(`^sluice views: expected no file, or one that sluice views made, in ${name.replace('.', '\\.')}, got .*; give another name\\n$`))
    assert.deepEqual(readFileSync(join(cwd, name)), before)
  }
  engine.close()

  assert.equal((await views('lake.duckdb')).code, 0)
  writeFileSync(join(cwd, 'queries/staging/likes.sql'), 'select nothing_of_the_kind from events')
  writeFileSync(join(cwd, 'queries/metrics/typo.sql'), 'select * from likess')
  const again = await views('lake.duckdb')
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^queries\/metrics\/typo\.sql:1: expected .* got `likess`; did you mean `likes`\?\nqueries\/staging\/likes\.sql: Binder Error: .*nothing_of_the_kind/m)
  const asked = await pythons.get('1.5.5')?.("import duckdb; print(sorted(duckdb.connect('lake.duckdb').execute('SELECT list(view_name) FROM duckdb_views() WHERE NOT internal').fetchall()[0][0]))", [], cwd)
  assert.match(asked ?? '', /'events'/)
  assert.doesNotMatch(asked ?? '', /'likes'|'likes-per-minutes'|'fast-likers'|'typo'/)
  assert.deepEqual(readdirSync(cwd).filter((name) => name.includes('.new')), [])
  const both = await views('lake.duckdb', '--relative')
  assert.deepEqual([both.code, both.stderr], [2, "sluice views: expected --relative without FILE, which has absolute paths; see 'sluice views --help'\n"])
})
