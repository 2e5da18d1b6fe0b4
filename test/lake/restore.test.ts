import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { readLake, tree } from '../lake.ts'
import type { Result } from '../process.ts'
import { run, workplace } from '../process.ts'

const HOUR = 'lake/date=2026-07-04/hour=12'
const TRASH = '.sluice/trash/date=2026-07-04,hour=12,1'
const START = Date.parse('2026-07-04T12:00:00Z')

/** A like every 300 ms from noon on: 10,000 of them are 50 minutes. */
function line(n: number): string {
  const record = { $type: 'app.bsky.feed.like', subject: { cid: 'c', uri: 'at://did:plc:s/app.bsky.feed.post/p' } }
  return JSON.stringify({ timestamp: new Date(START + n * 300).toISOString(), action: 'create', path: `app.bsky.feed.like/k${n}`, cid: `c${n}`, record, repo: `did:plc:u${n % 7}`, rev: `r${n}` })
}

const input = (count: number, from = 0): string => Array.from({ length: count }, (_, n) => `${line(from + n)}\n`).join('')

async function sluice(cwd: string, name: string, args: string[] = [], text = ''): Promise<Result> {
  const result = await run(name, args, { cwd, input: text })
  assert.doesNotMatch(result.stderr, /internal error/)
  return result
}

async function well(cwd: string, name: string, args: string[] = [], text = ''): Promise<Result> {
  const result = await sluice(cwd, name, args, text)
  assert.equal(result.code, 0, `${name} ${args.join(' ')}: ${result.stdout}${result.stderr}`)
  return result
}

async function exactly(cwd: string, keys: readonly number[]): Promise<void> {
  const found = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => Number(String(rkey).slice(1))).sort((a, b) => a - b)
  assert.deepEqual(found, [...keys].sort((a, b) => a - b))
}

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n)

/** 10,000 events of an hour that periodic has merged into one file; its old files wait for the end of their grace. One more event has sealed it. */
async function mergedHour(t: TestContext): Promise<string> {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/count.sql'), '/* accumulates: {sum: [n]} */ SELECT count(*) AS n FROM events')
  await well(cwd, 'handle-stream', ['--roll-rows', '1000'], input(10_000) + input(1, 14_000))
  assert.match((await well(cwd, 'periodic')).stdout, /1 hour merged, 10 files into 1/)
  assert.deepEqual(readdirSync(join(cwd, HOUR)), ['0', '1'])
  assert.ok(lstatSync(join(cwd, HOUR, '0')).isSymbolicLink())
  return cwd
}

const merged = (cwd: string): string => join(cwd, HOUR, '1/part-000.parquet')
const result = (cwd: string): string => readFileSync(join(cwd, 'metrics/count.csv'), 'utf8')

async function clean(cwd: string, keys: readonly number[]): Promise<void> {
  await exactly(cwd, keys)
  const checked = await well(cwd, 'sluice', ['fsck'])
  assert.match(checked.stdout, /: clean$/m)
  assert.equal((await well(cwd, 'periodic')).stderr, '')
  assert.equal(result(cwd), `n\n${keys.length}\n`)
}

test('a merged file that is damaged is made again from what it was merged from: ingest and other metrics go on, nothing is lost or doubled', async (t) => {
  const cwd = await mergedHour(t)
  truncateSync(merged(cwd), 5000)
  await well(cwd, 'handle-stream', [], input(100, 10_000))
  // The grace is over, and its old files stay.
  const periodic = await sluice(cwd, 'periodic', ['--grace', '0s'])
  assert.equal(periodic.code, 1)
  assert.match(periodic.stderr, /^queries\/metrics\/count\.sql: expected lake\/\S+part-000\.parquet to be a complete Parquet file/m)
  assert.match(periodic.stderr, /^\.sluice\/trash\/\S+ is kept, since \S+part-000\.parquet, which was merged from its files, is damaged or missing \(.*\); run 'sluice fsck --repair', which puts them back$/m)
  assert.equal(result(cwd), 'n\n10001\n')

  const before = await sluice(cwd, 'sluice', ['fsck'])
  assert.equal(before.code, 1)
  assert.match(before.stdout, new RegExp(`^error    ${TRASH}: .*part-000.parquet, which was merged from its files, is damaged or missing \\(.*\\); 10,000 events of them are nowhere else; --repair puts`, 'm'))
  const quick = await sluice(cwd, 'sluice', ['fsck', '--quick'])
  assert.match(quick.stdout, new RegExp(`^error    ${TRASH}: `, 'm'))
  assert.equal(quick.code, 1)
  const repaired = await well(cwd, 'sluice', ['fsck', '--repair', '--grace', '1h'])
  assert.match(repaired.stdout, /^restored \S+: put 10,000 events into date=2026-07-04\/hour=12\/1\/\S+; moved what was merged from it /m)
  const all = [...range(10_100), 14_000]
  await clean(cwd, all)

  // What a source says again is known, and the old files may go now.
  const replayed = await well(cwd, 'handle-stream', [], input(10_000))
  assert.match(replayed.stderr, /10,000 repeated/)
  await well(cwd, 'periodic', ['--grace', '0s'])
  await well(cwd, 'periodic', ['--grace', '0s'])
  assert.deepEqual(tree(join(cwd, '.sluice/trash')), [])
  await clean(cwd, all)
})

test('where a source has said all of it again before the repair, none is put back twice', async (t) => {
  const cwd = await mergedHour(t)
  writeFileSync(merged(cwd), Buffer.alloc(lstatSync(merged(cwd)).size))
  await well(cwd, 'handle-stream', ['--roll-rows', '3000'], input(9_999))
  await exactlyReadable(cwd, 9_999)
  const repaired = await well(cwd, 'sluice', ['fsck', '--repair'])
  assert.match(repaired.stdout, /^restored \S+: put 1 event into /m)
  await clean(cwd, [...range(10_000), 14_000])
})

test('a merged file that is gone is missed as long as its old files are there', async (t) => {
  const cwd = await mergedHour(t)
  // As an earlier version left it: only the symlink is in the hour, and what is written next must not go through it.
  rmSync(join(cwd, HOUR, '1'), { recursive: true })
  rmSync(join(cwd, TRASH, 'merged.json'))
  const old = tree(join(cwd, TRASH))
  await well(cwd, 'handle-stream', [], input(100, 10_000))
  assert.deepEqual(tree(join(cwd, TRASH)), old)
  assert.deepEqual(readdirSync(join(cwd, HOUR)), ['0', '1'])
  const found = await sluice(cwd, 'sluice', ['fsck'])
  assert.equal(found.code, 1)
  const periodic = await sluice(cwd, 'periodic', ['--grace', '0s'])
  assert.match(periodic.stderr, /is kept, since \S+part-000\.parquet, which was merged from its files, is damaged or missing \(it is missing\)/)
  await well(cwd, 'sluice', ['fsck', '--repair'])
  await clean(cwd, [...range(10_100), 14_000])
})

test('events that an earlier version wrote through the symlink into the trash are found there', async (t) => {
  const cwd = await mergedHour(t)
  const elsewhere = join(cwd, 'elsewhere')
  await well(cwd, 'handle-stream', ['--lake', elsewhere, '--state', join(cwd, 'other')], input(50, 11_000))
  const [file = ''] = tree(elsewhere)
  renameSync(join(elsewhere, file), join(cwd, TRASH, '0', file.slice(file.lastIndexOf('/') + 1)))
  const found = await sluice(cwd, 'sluice', ['fsck'])
  assert.match(found.stdout, new RegExp(`^error    ${TRASH}: the lake has lost events that are in its files; 50 events of them are nowhere else; --repair`, 'm'))
  await well(cwd, 'sluice', ['fsck', '--repair'])
  await clean(cwd, [...range(10_000), ...range(50, 11_000), 14_000])
})

test('the lake is not clean while a file is in quarantine whose events are in no other', async (t) => {
  const cwd = workplace(t)
  await well(cwd, 'handle-stream', ['--roll-rows', '100'], input(300))
  const [first = '', second = ''] = tree(join(cwd, 'lake'))
  truncateSync(join(cwd, 'lake', first), 1000)
  const repaired = await sluice(cwd, 'sluice', ['fsck', '--repair'])
  assert.equal(repaired.code, 1)
  assert.match(repaired.stdout, /^error    \.sluice\/quarantine\/\S+\/lake\/\S+: a file of the lake that cannot be read: its events may be in no other; bring them back/m)
  const [stamp = ''] = readdirSync(join(cwd, '.sluice/quarantine'))
  const status = JSON.parse((await well(cwd, 'sluice', ['status', '--json'])).stdout) as { warnings: string[] }
  assert.deepEqual(status.warnings.filter((warning) => warning.includes('quarantine')), ["1 file of the lake in quarantine, whose events may be lost: see 'sluice fsck'"])

  // One that can be read, and that somebody has put there: its events come back.
  mkdirSync(dirname(join(cwd, '.sluice/quarantine', stamp, 'lake', second)), { recursive: true })
  renameSync(join(cwd, 'lake', second), join(cwd, '.sluice/quarantine', stamp, 'lake', second))
  const missing = await sluice(cwd, 'sluice', ['fsck'])
  assert.match(missing.stdout, /^error    \.sluice\/quarantine\/\S+: 100 events of it are not in the lake; --repair writes them there$/m)
  await sluice(cwd, 'sluice', ['fsck', '--repair'])
  await exactly(cwd, range(200, 100))
  assert.equal((await sluice(cwd, 'sluice', ['fsck'])).code, 1)
  // The loss is accepted.
  rmSync(join(cwd, '.sluice/quarantine', stamp, 'lake', first))
  assert.match((await well(cwd, 'sluice', ['fsck'])).stdout, /^2 files, 200 events: clean$/m)
})

test('no directory of an hour that is a symlink is written through', async (t) => {
  const cwd = workplace(t)
  await well(cwd, 'handle-stream', [], input(1, 14_000))
  mkdirSync(join(cwd, 'aside/0'), { recursive: true })
  symlinkSync(join(cwd, 'aside'), join(cwd, HOUR))
  const refused = await sluice(cwd, 'handle-stream', [], input(10))
  assert.equal(refused.code, 74)
  assert.match(refused.stderr, /^handle-stream: expected lake\/\S+hour=12 to be a directory, got a symlink to .*aside; run 'sluice fsck --repair', which moves it to quarantine$/m)
  assert.deepEqual(tree(join(cwd, 'aside')), [])
  await well(cwd, 'sluice', ['fsck', '--repair'])
  await exactly(cwd, [...range(10), 14_000])
  assert.equal(existsSync(join(cwd, 'aside')), true)
})

/** Events in files that are no damaged one. */
async function exactlyReadable(cwd: string, count: number): Promise<void> {
  const aside = join(cwd, 'damaged')
  renameSync(merged(cwd), aside)
  await exactly(cwd, [...range(count), 14_000])
  renameSync(aside, merged(cwd))
}
