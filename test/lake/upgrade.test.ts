import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { damageOf, readSeal } from '../../src/lake/seal.ts'
import { takeSnapshot } from '../../src/lake/snapshot.ts'
import { planUpgrade } from '../../src/lake/upgrade.ts'
import { tree } from '../lake.ts'
import { eventLines } from '../lines.ts'
import { ROOT, run, workplace } from '../process.ts'

const DATA = join(ROOT, 'test/data/older')
const HOUR = 'date=2026-01-01/hour=00'
/** What the versions before have written: a file of the layout `record` and one of `json`, and the lines that each was made of. */
const LAYOUTS = ['record', 'json']
const lines = LAYOUTS.map((layout) => readFileSync(join(DATA, `${layout}.ndjson`), 'utf8'))

/** Every column but ingested_at, and parts of a record, once over all and once kept by hour. */
const SQL = `select event_time, kind, action, did, collection, rkey, cid, rev, subject_uri, subject_did, text, langs, reply_parent, created_at, date, hour,
  record ->> '$.$type' as type, record ->> '$.text' as said, record ->> '$.langs' as spoken, record ->> '$.createdAt' as claimed,
  record ->> '$.subject' as subject, record ->> '$.reply' as reply, record ->> '$.embed' as embed, record ->> '$.facets' as facets,
  record ->> '$.handle' as handle, record ->> '$.seq' as seq, length(record) as bytes, extra ->> '$.more' as more
from events order by all`

async function well(name: string, args: readonly string[], cwd: string, input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(name, args, { cwd, input })
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** Both results, which must be the same; members of an object in any order. */
async function results(cwd: string): Promise<string[]> {
  await well('periodic', ['--seal-after', '9000h'], cwd)
  const [whole, kept] = ['whole', 'kept'].map((name) =>
    readFileSync(join(cwd, `metrics/${name}.csv`), 'utf8').split('\n').map((row) => row.replace(/"\{.*\}"/g, (object) => [...object].sort().join(''))).sort())
  assert.deepEqual(kept, whole)
  return whole as string[]
}

function prepare(cwd: string): void {
  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/whole.sql'), SQL)
  writeFileSync(join(cwd, 'queries/metrics/kept.sql'), `/*\naccumulates: {rows: true}\n*/\n${SQL}`)
}

function addOlder(cwd: string, layout: string, hour = HOUR): void {
  const to = join(cwd, 'lake', hour, '0', `20260101T000000000Z-${layout.padEnd(6, '0')}-00000001.parquet`)
  mkdirSync(dirname(to), { recursive: true })
  cpSync(join(DATA, `${layout}.parquet`), to)
}

const formats = (cwd: string): Promise<(number | undefined)[]> =>
  Promise.all(tree(join(cwd, 'lake')).filter((path) => path.endsWith('.parquet')).map(async (path) => (await readSeal(join(cwd, 'lake', path)))?.format))

test('files of older versions are read beside those of today, and written anew as today would have written them', async (t) => {
  const [cwd, other] = [workplace(t), workplace(t)]
  for (const directory of [cwd, other]) prepare(directory)
  const expected = async (input: string): Promise<string[]> => {
    await well('handle-stream', [], other, input)
    return results(other)
  }

  // One layout after the other, and lines of today in the same hour and another.
  addOlder(cwd, 'record')
  assert.deepEqual(await results(cwd), await expected(lines[0] as string))
  addOlder(cwd, 'json')
  assert.deepEqual(await results(cwd), await expected(lines[1] as string))
  const today = eventLines(50).join('\n')
  const late = (lines[0] as string).replaceAll('"repo":"did:plc:', '"repo":"did:plc:late').replaceAll('"did":"did:plc:', '"did":"did:plc:late')
  await well('handle-stream', [], cwd, today)
  await well('handle-stream', [], cwd, late)
  const all = await expected(`${today}\n${late}`)
  assert.deepEqual(await results(cwd), all)

  // What older files hold is known to ingest, and to a check.
  await well('handle-stream', [], cwd, lines.join(''))
  assert.deepEqual(await results(cwd), all)
  const before = tree(join(cwd, 'lake'))
  const repaired = await well('sluice', ['fsck', '--repair'], cwd)
  assert.match(repaired, /^warning  lake: 2 files of an older format, the first of them date=2026-01-01\/.*; they are read as the others are; 'sluice upgrade' writes them anew$/m)
  assert.match(repaired, /: 1 warning$/m)
  assert.deepEqual(tree(join(cwd, 'lake')), before)
  assert.match(await well('sluice', ['test', '--select', 'kept'], cwd), / pass /)

  const planned = await well('sluice', ['upgrade', '--dry-run'], cwd)
  assert.match(planned, /^upgrade date=2026-01-01\/hour=00: 3 files, \d+(\.\d)? kB\n$/)
  const done = await well('sluice', ['upgrade', '--grace', '0s'], cwd)
  assert.match(done, /^date=2026-01-01\/hour=00: 3 files into 1, \d+ events, 0 repeated ones dropped, .*\nall files are of format 2\n$/)
  assert.equal(await well('sluice', ['upgrade', '--grace', '0s'], cwd), 'all files are of format 2\n')
  assert.deepEqual(await formats(cwd), [2, 2])
  assert.deepEqual(await results(cwd), all)
  assert.match(await well('sluice', ['fsck'], cwd), /: clean$/m)
  for (const path of (await takeSnapshot(join(cwd, 'lake'))).files) assert.equal(await damageOf(path), undefined)

  // No value stands in the file twice: `rest` is what today's writer leaves in it.
  const engine = await openEngine()
  const session = await engine.connect()
  const rest = async (of: string): Promise<unknown> =>
    session.rows(`SELECT did, rkey, kind, rest FROM read_parquet('${of}/lake/date=2026-01-01/**/*.parquet') ORDER BY ALL`)
  assert.deepEqual(await rest(cwd), await rest(other))
  engine.close()
})

test('an hour with a file that cannot be read is left, and said; the others are written anew', async (t) => {
  const cwd = workplace(t)
  addOlder(cwd, 'record')
  addOlder(cwd, 'json', 'date=2026-01-01/hour=01')
  const torn = readFileSync(join(DATA, 'json.parquet'))
  writeFileSync(join(cwd, 'lake/date=2026-01-01/hour=01/0/20260101T000000000Z-torn00-00000001.parquet'), torn.subarray(0, 5000))
  const { code, stdout } = await run('sluice', ['upgrade', '--grace', '0s'], { cwd })
  assert.equal(code, 1)
  assert.match(stdout, /^date=2026-01-01\/hour=00: 1 files into 1, 28 events/m)
  assert.match(stdout, /^date=2026-01-01\/hour=01: left as it is: .*torn00.*\n1 hours left\n$/m)
  assert.deepEqual(tree(join(cwd, '.sluice')).filter((path) => path.startsWith('trash')), [])
})

test('which hours are written anew', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `date=2026-01-01/hour=00/0/20260101T000000000Z-00000${name}-00000001.parquet`) as [string, string, string]
  const merged = 'date=2026-01-01/hour=01/1/part-000.parquet'
  const past = 'date=2026-01-01/hour=01/0/20260101T000000000Z-000000-00000001.parquet'
  const plan = (older: string[], { pending = [] as string[], busy = [] as number[] } = {}): unknown => {
    const files = [a, b, c, merged, past].map((path) => ({ path, bytes: 1, modified: 0 }))
    const { merges, left } = planUpgrade(files, { older: new Set(older), pending: new Set(pending), busy: new Set(busy) })
    return { merges: merges.map(({ inputs, generation }) => [generation, ...inputs.map(({ path }) => path)]), left: left.map(({ hour, why }) => `${hour} ${why.slice(0, 9)}`) }
  }
  const hour = Date.parse('2026-01-01T01:00:00Z') / 3_600_000
  assert.deepEqual(plan([]), { merges: [], left: [] })
  assert.deepEqual(plan([b]), { merges: [[0, a, b, c]], left: [] }, 'the whole hour')
  assert.deepEqual(plan([merged]), { merges: [[1, merged]], left: [] }, 'also of one file')
  assert.deepEqual(plan([past]), { merges: [], left: [] }, 'not what no reader sees')
  assert.deepEqual(plan([a, b], { pending: [a.slice(26, -8)] }), { merges: [[0, b, c]], left: ['date=2026-01-01/hour=00 the log o'] })
  assert.deepEqual(plan([a], { pending: [a.slice(26, -8)] }), { merges: [], left: ['date=2026-01-01/hour=00 the log o'] })
  assert.deepEqual(plan([merged, a], { busy: [hour] }), { merges: [[0, a, b, c]], left: ['date=2026-01-01/hour=01 it was me'] })
})
