import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { EVENTS } from '../../src/lake/schema.ts'
import { tree } from '../lake.ts'
import { eventLines, random } from '../lines.ts'
import { ROOT, run, start, until, workplace } from '../process.ts'
import { duckdbCli, VERSION } from '../setup/duckdb-cli.ts'
import type { EventRow } from './rows.ts'
import { writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

const execute = promisify(execFile)
const MODELS = ['staging', 'metrics'].flatMap((layer) => readdirSync(join(ROOT, 'queries', layer)).map((file) => basename(file, '.sql')))
const SEEDS = readdirSync(join(ROOT, 'queries/seeds')).filter((file) => file.endsWith('.csv')).map((file) => basename(file, '.csv'))
const COLUMNS = [...Object.entries(EVENTS), ['date', 'DATE'], ['hour', 'BIGINT'], ['subject_did', 'VARCHAR'], ['record', 'JSON']].map(([name, type]) => `${name} ${name === 'rest' || name === 'extra' ? 'JSON' : type}`)

let cli = ''
before(async () => {
  cli = await duckdbCli()
})

/** A project directory with these events in its lake. */
async function project(t: TestContext, rows: readonly EventRow[]): Promise<string> {
  const directory = workplace(t)
  cpSync(join(ROOT, 'queries'), join(directory, 'queries'), { recursive: true })
  if (rows.length > 0) {
    mkdirSync(join(directory, 'lake'))
    await writeLake(join(directory, 'lake'), rows)
  }
  return directory
}

/** What an analyst gets for a question, as the CLI's CSV without a header (it quotes all but ASCII). Any error is on stderr and ends the CLI with code 1. */
async function ask(cwd: string, question: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await execute(cli, ['-init', 'queries/lake.sql', '-batch', '-bail', '-noheader', '-csv', '-c', question], {
    cwd,
    env: { ...process.env, SLUICE_LAKE: '', ...env },
    maxBuffer: 1 << 26,
  })
  return stdout.replaceAll('\r\n', '\n')
}

test(`the DuckDB CLI is ${VERSION}, the engine's own version`, () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  assert.equal(dependencies['@duckdb/node-bindings']?.split('-')[0], VERSION)
})

test('lake.sql has a view of every model and seed, and events with the columns of the lake', async (t) => {
  const directory = await project(t, seededRows(random(5), 200))
  const views = await ask(directory, "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' ORDER BY ALL")
  assert.deepEqual(views.trim().split('\n').sort(), ['events', ...MODELS, ...SEEDS].sort())
  const columns = await ask(directory, "SELECT column_name || ' ' || column_type FROM (DESCRIBE events)")
  assert.deepEqual(columns.trim().split('\n'), COLUMNS)
})

test('the CLI sees in lake.sql what periodic writes, row for row, in any time zone', async (t) => {
  const rows = seededRows(random(6), 5000)
  const directory = await project(t, rows)
  const { code, stderr } = await run('periodic', ['--queries', 'queries'], { cwd: directory })
  assert.equal(code, 0, stderr)
  assert.equal(await ask(directory, 'SELECT count(*) FROM events'), `${rows.length}\n`)
  for (const TZ of ['Asia/Kathmandu', 'America/New_York']) {
    for (const model of readdirSync(join(directory, 'metrics'))) {
      const name = model.replace(/\.csv$/, '')
      const written = readFileSync(join(directory, 'metrics', model), 'utf8').split('\n').slice(1).join('\n')
      await ask(directory, `COPY (FROM "${name}") TO 'answer.csv' (FORMAT csv, HEADER false)`, { TZ })
      assert.equal(readFileSync(join(directory, 'answer.csv'), 'utf8'), written, `${name} in ${TZ}`)
    }
  }
})

test('events have the record whole, in lake.sql and in a model, however it stands in the files', async (t) => {
  const directory = await project(t, [])
  const lines = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8').trim().split('\n')
  const odd = { $type: 'app.bsky.feed.post', text: 5, createdAt: '2026-07-04T14:38:08Z', langs: null, reply: { parent: { uri: 'at://a' } } }
  lines.push(JSON.stringify({ timestamp: '2026-07-04T14:38:08.000000Z', action: 'create', path: 'app.bsky.feed.post/odd', repo: 'did:plc:odd', record: odd }))
  const { code, stderr } = await run('handle-stream', [], { cwd: directory, input: lines.join('\n') })
  assert.equal(code, 0, stderr)
  const records = lines.map((line) => JSON.parse(line)).map(({ record, commit, identity, account }) => record ?? commit?.record ?? identity ?? account ?? null)
  const stands = await ask(directory, `SELECT count(*) FROM read_parquet('lake/**') WHERE (rest ->> '$.subject.uri') IS NOT NULL OR (rest ->> '$.text') IS NOT NULL`)
  assert.ok(Number(stands) > 0 && Number(stands) < 5, `the odd one is whole in its file, almost all others are not: ${stands}`)

  const model = 'SELECT row_number() OVER () AS n, subject_did, record::VARCHAR AS record FROM events ORDER BY n'
  await ask(directory, `COPY (${model}) TO 'asked.csv' (FORMAT csv)`)
  writeFileSync(join(directory, 'queries/metrics/whole-records.sql'), model)
  assert.equal((await run('periodic', ['--queries', 'queries', '--select', 'whole-records'], { cwd: directory })).code, 0)
  const asked = readFileSync(join(directory, 'asked.csv'), 'utf8')
  assert.equal(readFileSync(join(directory, 'metrics/whole-records.csv'), 'utf8'), asked)
  const whole = await ask(directory, "SELECT hex(coalesce(record::VARCHAR, 'null')) FROM events")
  assert.deepEqual(whole.trim().split('\n').map((hex) => JSON.parse(Buffer.from(hex, 'hex').toString())), records)
})

test('each staging view has the rows that its grain says', async (t) => {
  const rows = seededRows(random(8), 5000)
  const directory = await project(t, rows)
  const created = (collection: string): EventRow[] => rows.filter((row) => row.action === 'create' && row.collection === collection)
  const counts: Record<string, number> = {
    likes: created('app.bsky.feed.like').length,
    posts: created('app.bsky.feed.post').length,
    reposts: created('app.bsky.feed.repost').length,
    follows: created('app.bsky.graph.follow').length,
    replies: 0,
    actors: new Set(rows.map(({ did }) => did)).size,
    newest: 1,
  }
  for (const [view, count] of Object.entries(counts)) assert.equal(await ask(directory, `SELECT count(*) FROM ${view}`), `${count}\n`, view)
  const repeated = await ask(directory, 'SELECT uri, hashtag FROM hashtags GROUP BY ALL HAVING count(*) > 1')
  assert.equal(repeated, '')
  const named = new Set(rows.filter(({ kind }) => kind === 'identity').map(({ did }) => did))
  assert.equal(await ask(directory, "SELECT count(*) FROM actors WHERE handle = 'a.bsky.social'"), `${named.size}\n`)
})

for (const lake of ['missing', 'empty']) {
  test(`every view can be asked when the lake is ${lake}`, async (t) => {
    const directory = await project(t, [])
    if (lake === 'empty') mkdirSync(join(directory, 'lake/date=2026-07-04'), { recursive: true })
    // The newest event of none is a null.
    for (const name of ['events', ...MODELS]) assert.equal(await ask(directory, `SELECT count(*) FROM "${name}"`), name === 'newest' ? '1\n' : '0\n', name)
    assert.equal(await ask(directory, 'SELECT event_time IS NULL FROM newest'), 'true\n')
    // The same types as with rows, so that a saved question binds.
    const columns = await ask(directory, "SELECT column_name || ' ' || column_type FROM (DESCRIBE events)")
    assert.deepEqual(columns.trim().split('\n'), COLUMNS)
  })
}

test('SLUICE_LAKE names another lake, whatever its name', async (t) => {
  const directory = await project(t, [])
  const other = join(workplace(t), "o'clock lake")
  mkdirSync(other)
  await writeLake(other, seededRows(random(9), 300))
  const count = Number(await ask(directory, 'SELECT count(*) FROM events', { SLUICE_LAKE: other }))
  assert.ok(count > 200)
})

test('an edited model is seen after .read queries/lake.sql', async (t) => {
  const directory = await project(t, seededRows(random(10), 300))
  writeFileSync(join(directory, 'edited.sql'), 'select 42 as answer from events limit 1')
  writeFileSync(join(directory, 'again.sql'), [
    'SELECT count(*) > 0 FROM follows;',
    '.shell cp edited.sql queries/staging/follows.sql',
    '.read queries/lake.sql',
    'SELECT answer FROM follows;',
  ].join('\n'))
  assert.equal(await ask(directory, '.read again.sql'), 'true\n42\n')
})

test('while ingest and periodic run, every question is answered and no count ever shrinks', async (t) => {
  const directory = await project(t, [])
  const ingest = start('handle-stream', ['--roll-seconds', '200ms', '--roll-rows', '400'], { cwd: directory })
  const state = { ended: false, runs: 0 }
  const seen = new Set<number>()
  // Until there was time for several questions and runs, however slow the machine.
  const enough = (): boolean => sent >= 20_000 && seen.size >= 3 && state.runs >= 2
  let sent = 0
  const feed = setInterval(() => {
    ingest.child.stdin?.write(`${eventLines(250, sent).join('\n')}\n`)
    sent += 250
    if (!enough()) return
    clearInterval(feed)
    ingest.child.stdin?.end()
  }, 50)
  t.after(() => clearInterval(feed))
  await until('the lake has a file', () => tree(join(directory, 'lake')).length > 0)

  const questions = ['events', 'likes', 'posts'].map((view) => `SELECT count(*) FROM ${view};`).join(' ') + ' SELECT sum(likes) FROM "likes-per-minutes"'
  const counts = async (): Promise<number[]> => (await ask(directory, questions)).trim().split('\n').map(Number)
  const periodic = (async () => {
    for (; !state.ended; state.runs++) {
      const { code, stderr } = await run('periodic', ['--queries', 'queries'], { cwd: directory })
      assert.equal(code, 0, stderr)
    }
  })()
  let last = [0, 0, 0, 0]
  while (ingest.child.exitCode === null) {
    const now = await counts()
    now.forEach((count, n) => assert.ok(count >= (last[n] as number), `${now} after ${last}`))
    seen.add(now[0] as number)
    last = now
  }
  state.ended = true
  const [{ code, stderr }] = await Promise.all([ingest.ended, periodic])
  assert.equal(code, 0, stderr)
  assert.deepEqual(await counts(), [sent, (sent * 4) / 5, sent / 5, (sent * 4) / 5])
})
