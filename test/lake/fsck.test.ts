import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { openEngine } from '../../src/duckdb.ts'
import { CHUNK, COLUMN, FILE, footerLength, i64, readFooter, ROW_GROUP, structAt, structsAt, writeFooter } from '../../src/lake/footer.ts'
import type { Struct } from '../../src/lake/footer.ts'
import { acquire } from '../../src/lake/lock.ts'
import { readLake, tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, start, until, workplace } from '../process.ts'

interface Line {
  severity: 'error' | 'warning'
  check: string
  path: string
  what: string
  do: string
}

interface Checked {
  code: number | null
  findings: Line[]
  summary: { files: number; rows: number; errors: number; warnings: number; quick: boolean }
}

const DATE = 'lake/date=2026-07-04'

async function fsck(cwd: string, ...args: string[]): Promise<Checked> {
  const { code, stdout, stderr } = await run('sluice', ['fsck', '--json', ...args], { cwd })
  assert.equal(stderr, '')
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line))
  return { code, findings: lines.slice(0, -1), summary: lines.at(-1) }
}

const sorted = (keys: Iterable<string>): string[] => [...keys].sort()

async function keys(cwd: string): Promise<string[]> {
  return (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey)).sort()
}

/** Events of ten minutes on both sides of 15:00, one a second: 12 files of 50 in either hour. */
async function smallLake(cwd: string): Promise<{ first: string[]; second: string[] }> {
  const { code, stderr } = await run('handle-stream', ['--roll-rows', '50'], { cwd, input: `${eventLines(1200, 3000).join('\n')}\n` })
  assert.equal(code, 0, stderr)
  const files = (hour: string): string[] => readdirSync(join(cwd, DATE, hour, '0')).sort()
  const lake = { first: files('hour=14'), second: files('hour=15') }
  assert.deepEqual([lake.first.length, lake.second.length], [12, 12])
  return lake
}

/** Changes the footer of a Parquet file and leaves its data as they are. */
function changeFooter(path: string, change: (footer: Struct) => void): void {
  const bytes = readFileSync(path)
  const footer = readFooter(bytes)
  change(footer)
  writeFileSync(path, Buffer.concat([bytes.subarray(0, bytes.length - (footerLength(bytes) as number)), writeFooter(footer)]))
}

/** Rewrites a Parquet file by a SELECT over its rows, which stand as `events`. */
async function rewrite(path: string, select: string): Promise<void> {
  const engine = await openEngine()
  const session = await engine.connect()
  await session.run(`COPY (WITH events AS (FROM read_parquet('${path}', hive_partitioning = false)) ${select}) TO '${path}.new' (FORMAT parquet)`)
  engine.close()
  renameSync(`${path}.new`, path)
}

function age(path: string, hours: number): void {
  const then = Date.now() / 1000 - hours * 3600
  utimesSync(path, then, then)
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const DEAD = '20260101T000000000Z-dead00'

test('a lake with every fault: each is found and said, --repair mends them, and nothing that can be read is lost', async (t) => {
  const cwd = workplace(t)
  const { first, second } = await smallLake(cwd)
  const at = (index: number): string => `${DATE}/hour=14/0/${first[index]}`
  const path = (index: number): string => join(cwd, at(index))
  const expected: [string, string, string, RegExp][] = []
  const expect = (severity: string, check: string, path: string, what: RegExp): void => void expected.push([severity, check, path, what])
  const left = new Set(eventLines(1200, 3000).map((_, n) => `k${3000 + n}`))
  /** The events of a file that cannot be read any more. */
  const lose = (index: number): void => {
    for (let n = 0; n < 50; n++) left.delete(`k${3000 + index * 50 + n}`)
  }

  // Files that are no files of the lake any more.
  truncateSync(path(0), 1000)
  lose(0)
  expect('error', 'parquet', at(0), /^not a complete Parquet file: .*magic/)
  const begun = readFileSync(path(1))
  begun.write('JUNK', 0)
  writeFileSync(path(1), begun)
  lose(1)
  expect('error', 'parquet', at(1), /^not a complete Parquet file: it does not begin with PAR1$/)
  const holed = readFileSync(path(2))
  writeFileSync(path(2), Buffer.concat([holed.subarray(0, 100), holed.subarray(1500)]))
  lose(2)
  expect('error', 'parquet', at(2), /^not a complete Parquet file: its footer tells of \d+ bytes of data, there are \d+$/)
  const scrambled = readFileSync(path(3))
  scrambled.fill(0x5a, 4, scrambled.length - (footerLength(scrambled) as number))
  writeFileSync(path(3), scrambled)
  lose(3)
  expect('error', 'parquet', at(3), /^not a complete Parquet file: /)
  writeFileSync(path(4), Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'event_time', data: ['today'] }, { name: 'kind', data: ['commit'] }] })))
  lose(4)
  expect('error', 'schema', at(4), /^expected `event_time TIMESTAMP WITH TIME ZONE` as column 1, got `event_time VARCHAR`$/)

  // Files that say what is not so.
  changeFooter(path(5), (footer) => void footer.set(FILE.rows, i64(49n)))
  expect('error', 'count', at(5), /^the footer says 49 rows, its row groups 50$/)
  changeFooter(path(6), (footer) => {
    for (const group of structsAt(footer, FILE.rowGroups)) {
      const statistics = structAt(structAt(structsAt(group, ROW_GROUP.columns)[0] as Struct, CHUNK.column), COLUMN.statistics)
      const time = Buffer.alloc(8)
      time.writeBigInt64LE(BigInt(Date.parse('2026-07-04T16:30:00Z')) * 1000n)
      for (const field of statistics.values()) if (Buffer.isBuffer(field.value)) field.value = time
    }
  })
  expect('error', 'statistics', at(6), /^statistics say events of 2026-07-04 16:30:00 to 2026-07-04 16:30:00, outside its hour$/)
  expect('error', 'statistics', at(6), /^events of 2026-07-04 14:55:00 to 2026-07-04 14:55:49, but its statistics leave some of them out$/)

  // Rows and files in a wrong place.
  await rewrite(path(7), "SELECT * REPLACE (CASE WHEN rkey = 'k3360' THEN event_time + INTERVAL 2 HOURS ELSE event_time END AS event_time) FROM events")
  expect('error', 'statistics', at(7), /^statistics say events of 2026-07-04 14:55:50 to 2026-07-04 16:56:00, outside its hour$/)
  expect('error', 'partition', at(7), /^1 event of date=2026-07-04\/hour=16, which does not belong there$/)
  await rewrite(path(8), "SELECT * REPLACE (CASE WHEN rkey = 'k3410' THEN NULL ELSE did END AS did) FROM events")
  left.delete('k3410')
  expect('error', 'incomplete', at(8), /^1 row without a time, a kind or a user$/)
  copyFileSync(path(9), join(cwd, `${DATE}/hour=14/.${first[9]}`))
  expect('error', 'stray', `${DATE}/hour=14/.${first[9]}`, /^not a name of the lake's, but a file of events$/)
  expect('warning', 'repeated', `${DATE}/hour=14`, /^50 events more than once \(50 rows too many\)$/)
  renameSync(path(10), join(cwd, 'lake/moved.parquet'))
  expect('error', 'stray', 'lake/moved.parquet', /^not a name of the lake's, but a file of events$/)
  put(join(cwd, `${at(11)}.tmp`), 'half')
  expect('error', 'stray', `${at(11)}.tmp`, /^not a name of the lake's$/)
  put(join(cwd, 'lake/_temporary/notes.txt'), 'a note')
  expect('error', 'stray', 'lake/_temporary/notes.txt', /^not a name of the lake's$/)
  execFileSync('mkfifo', [join(cwd, 'lake/pipe')])
  expect('error', 'stray', 'lake/pipe', /^neither a file nor a directory$/)
  symlinkSync('nowhere', join(cwd, `${DATE}/hour=14/7`))
  expect('error', 'symlink', `${DATE}/hour=14/7`, /^a symlink to nowhere, which does not exist$/)
  symlinkSync(cwd, join(cwd, 'lake/elsewhere'))
  expect('error', 'symlink', 'lake/elsewhere', /^a symlink to .*, which no compaction left$/)
  mkdirSync(join(cwd, 'lake/date=2026-01-01/hour=03/0'), { recursive: true })
  age(join(cwd, 'lake/date=2026-01-01/hour=03/0'), 1)
  expect('warning', 'empty-directory', 'lake/date=2026-01-01/hour=03/0', /^a directory with nothing in it$/)
  mkdirSync(join(cwd, `${DATE}/hour=15/1`))
  for (const file of second.slice(1)) renameSync(join(cwd, `${DATE}/hour=15/0/${file}`), join(cwd, `${DATE}/hour=15/1/${file}`))
  expect('error', 'generation', `${DATE}/hour=15/0/${second[0]}`, /^in generation 0 of an hour whose generation 1 counts/)

  // The state.
  put(join(cwd, `.sluice/wal/${DEAD}/00000001.ndjson`), `${eventLines(5, 100).join('\n')}\nno event\n`)
  for (let n = 100; n < 105; n++) left.add(`k${n}`)
  expect('warning', 'wal', `.sluice/wal/${DEAD}`, /^1 segment \(.* kB\) of a dead writer$/)
  put(join(cwd, `.sluice/wal/${DEAD}/junk`), '')
  expect('warning', 'wal', `.sluice/wal/${DEAD}/junk`, /^no part of any log$/)
  put(join(cwd, '.sluice/wal/old'), '')
  age(join(cwd, '.sluice/wal/old'), 1)
  expect('warning', 'wal', '.sluice/wal/old', /^no part of any log$/)
  put(join(cwd, `.sluice/staging/${DEAD}-00000001.parquet`), 'half')
  expect('warning', 'staging', `.sluice/staging/${DEAD}-00000001.parquet`, /^left .* ago by a process that is gone$/)
  put(join(cwd, '.sluice/staging/unknown/deep'), '')
  age(join(cwd, '.sluice/staging/unknown/deep'), 2)
  age(join(cwd, '.sluice/staging/unknown'), 2)
  expect('warning', 'staging', '.sluice/staging/unknown', /^left 2h00m ago by a process that is gone$/)
  put(join(cwd, '.sluice/staging/20260101T000000000Z-gone00.template'), '')
  expect('warning', 'staging', '.sluice/staging/20260101T000000000Z-gone00.template', /^left .* ago by a process that is gone$/)
  put(join(cwd, '.sluice/staging/young'), '')
  put(join(cwd, `.sluice/rejected/${DEAD}-00000007.ndjson`), `${JSON.stringify({ reason: 'x', segment: `${DEAD}-00000007`, line: 1, at: '2026-07-04T00:00:00.000Z' })}\n`)
  expect('error', 'rejected', `.sluice/rejected/${DEAD}-00000007.ndjson`, /^not what rejects are kept as: line 1: it has not one of `text` and `base64`$/)
  put(join(cwd, `.sluice/rejected/${DEAD}-00000008.ndjson`), '{"reason":')
  expect('error', 'rejected', `.sluice/rejected/${DEAD}-00000008.ndjson`, /^not what rejects are kept as: line 1: it is not JSON$/)
  put(join(cwd, '.sluice/rejected/notes.txt'), '')
  expect('warning', 'rejected', '.sluice/rejected/notes.txt', /^not a file of dead letters$/)
  put(join(cwd, '.sluice/trash/junk'), '')
  expect('warning', 'trash', '.sluice/trash/junk', /^nothing that compaction or retention put there$/)
  put(join(cwd, '.sluice/trash/date=2026-07-04,hour=14,1/1/part-000.parquet'), 'half')
  expect('warning', 'trash', '.sluice/trash/date=2026-07-04,hour=14,1', /^a compaction that was killed before anybody saw it$/)

  const before = await fsck(cwd)
  const order = ([severity, check, path]: readonly [string, string, string, ...unknown[]]): string => `${severity} ${path} ${check}`
  const found = before.findings.map(({ severity, check, path, what }) => [severity, check, path, what] as const).sort((a, b) => (order(a) < order(b) ? -1 : 1))
  expected.sort((a, b) => (order(a) < order(b) ? -1 : 1))
  assert.deepEqual(found.map(order), expected.map(order))
  for (const [index, [, , where, what]] of expected.entries()) assert.match(found[index]?.[3] ?? '', what, where)
  assert.equal(before.code, 1)
  for (const line of before.findings) assert.notEqual(line.do, '')
  const errors = expected.filter(([severity]) => severity === 'error').length
  assert.deepEqual([before.summary.errors, before.summary.warnings], [errors, expected.length - errors])

  const { code, stdout, stderr } = await run('sluice', ['fsck', '--repair'], { cwd })
  assert.equal(code, 1, stdout + stderr)
  assert.match(stdout, /^moved lake\/pipe to \.sluice\/quarantine\/\d{8}T\d{6}Z\/lake\/pipe$/m)
  const [stamp = ''] = readdirSync(join(cwd, '.sluice/quarantine'))

  // Of what cannot be read, nobody knows whether its events are elsewhere.
  const after = await fsck(cwd)
  const lost = [0, 1, 2, 3, 4].map((index) => `.sluice/quarantine/${stamp}/${at(index)}`)
  assert.deepEqual([after.code, after.findings.map(({ check, path }) => [check, path])], [1, lost.map((path) => ['quarantine', path])])
  assert.deepEqual(await keys(cwd), sorted(left))
  assert.equal(after.summary.rows, left.size)
  const quarantined = tree(join(cwd, '.sluice/quarantine', stamp))
  for (const path of ['lake/elsewhere', 'lake/_temporary/notes.txt', 'replaced/moved.parquet', `${at(0)}`, 'wal/old', `wal/${DEAD}/junk`, 'staging/unknown/deep', 'trash/junk', 'rejected/notes.txt']) {
    assert.ok(quarantined.includes(path), `${path} is in quarantine`)
  }
  for (const path of lost) rmSync(join(cwd, path))
  const accepted = await fsck(cwd)
  assert.deepEqual([accepted.code, accepted.findings], [0, []])
  assert.ok(existsSync(join(cwd, '.sluice/staging/young')), 'what somebody may need yet is left alone')
  assert.ok(!existsSync(join(cwd, 'lake/date=2026-01-01')), 'empty directories are gone')
})

test('a segment of a live writer is no fault, of a dead one a warning; --repair converts it, whatever its file in the lake looks like', async (t) => {
  const cwd = workplace(t)
  const { child, ended } = start('handle-stream', ['--roll-seconds', '1h'], { cwd })
  t.after(() => child.kill('SIGKILL'))
  child.stdin?.write(`${eventLines(20).join('\n')}\n`)
  const wal = join(cwd, '.sluice/wal')
  await until('the lines are in the WAL', () => tree(wal).some((file) => file.endsWith('.ndjson') && statSync(join(wal, file)).size > 4000))
  const [writer = ''] = readdirSync(wal)

  const live = await fsck(cwd)
  assert.deepEqual([live.code, live.findings], [0, []])
  const file = `${DATE}/hour=14/0/${writer}-00000001.parquet`
  put(join(cwd, file), 'torn')
  const empty = join(cwd, `${DATE}/hour=15/0`)
  mkdirSync(empty, { recursive: true })
  age(empty, 1)
  const torn = await run('sluice', ['fsck', '--repair', '--json'], { cwd })
  assert.equal(torn.code, 1)
  assert.match(torn.stdout, /"do":"its writer still has the segment in its log: look again when that writer has ended"/)
  assert.deepEqual(tree(wal), [`${writer}/00000001.ndjson`, `${writer}/lock`], 'a live writer keeps its log')
  assert.deepEqual([readFileSync(join(cwd, file), 'utf8'), existsSync(empty)], ['torn', true], 'and what it may be about to write to')

  child.kill('SIGKILL')
  await ended
  rmSync(join(empty, '..'), { recursive: true })
  const dead = await fsck(cwd)
  assert.equal(dead.code, 1)
  assert.deepEqual(dead.findings.map(({ severity, check, path }) => [severity, check, path]), [
    ['error', 'parquet', file],
    ['warning', 'wal', `.sluice/wal/${writer}`],
  ])
  assert.equal(dead.findings[0]?.do, '--repair moves it to quarantine and makes it again from the WAL')

  const { code, stdout } = await run('sluice', ['fsck', '--repair'], { cwd })
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^recovered 1 segment of dead writers: 20 events, 0 rejects$/m)
  assert.deepEqual((await fsck(cwd)).findings, [])
  assert.deepEqual(await keys(cwd), sorted(Array.from({ length: 20 }, (_, n) => `k${n}`)))
})

test('what compaction leaves for running queries is no fault, symlinks without their files are', async (t) => {
  const cwd = workplace(t)
  const { first } = await smallLake(cwd)
  await run('handle-stream', [], { cwd, input: eventLine(8000) })
  const aside = join(cwd, 'aside')
  renameSync(join(cwd, DATE, 'hour=14/0', first[0] as string), aside)
  const compacted = await run('sluice', ['compact'], { cwd })
  assert.equal(compacted.code, 0, compacted.stderr)
  const link = `${DATE}/hour=14/0`
  assert.ok(readdirSync(join(cwd, DATE, 'hour=14')).includes('1'))
  const fresh = await fsck(cwd)
  assert.deepEqual([fresh.code, fresh.findings], [0, []])

  // As after a kill behind the exchange: a file that came meanwhile is not carried over yet.
  const trash = join(cwd, '.sluice/trash/date=2026-07-04,hour=14,1')
  const [late = '', ...inputs] = first
  renameSync(aside, join(trash, '0', late))
  writeFileSync(`${trash}.json`, JSON.stringify({ generation: 0, inputs }))
  const unfinished = await fsck(cwd)
  assert.deepEqual(unfinished.findings.map(({ severity, check, path, what }) => [severity, check, path, what]), [
    ['warning', 'trash', '.sluice/trash/date=2026-07-04,hour=14,1', 'a compaction that was killed before it had carried over what came meanwhile'],
  ])
  assert.equal(unfinished.summary.rows, 1151)
  const settled = await run('sluice', ['fsck', '--repair'], { cwd })
  assert.match(settled.stdout, /^compactions finished: 1, undone: 0, emptied: 0$/m)
  assert.equal((await keys(cwd)).length, 1201)

  rmSync(join(cwd, '.sluice/trash'), { recursive: true })
  const broken = await fsck(cwd, '--quick')
  assert.deepEqual([broken.code, broken.findings.map(({ check, path }) => [check, path])], [1, [['symlink', link], ['symlink', `${DATE}/hour=15/0`]]])
  assert.equal((await run('sluice', ['fsck', '--repair'], { cwd })).code, 0)
  assert.deepEqual((await fsck(cwd)).findings, [])
  assert.equal((await keys(cwd)).length, 1201)
})

test('events that two writers brought are reported by hour, and so are those on both sides of an hour', async (t) => {
  const cwd = workplace(t)
  const { first, second } = await smallLake(cwd)
  const copyOf = (hour: string, file: string): string => join(cwd, DATE, hour, '0', `20260101T000000000Z-copied-${file.slice(-16)}`)
  const copies = (hour: string, file: string): void => copyFileSync(join(cwd, DATE, hour, '0', file), copyOf(hour, file))
  for (const file of first.slice(0, 3)) copies('hour=14', file)
  copies('hour=15', second[0] as string)
  const later = copyOf('hour=15', first[3] as string)
  copyFileSync(join(cwd, DATE, 'hour=14/0', first[3] as string), later)
  await rewrite(later, 'SELECT * REPLACE (event_time + INTERVAL 20 MINUTES AS event_time) FROM events')
  const { code, stdout } = await run('sluice', ['fsck'], { cwd })
  assert.equal(code, 0)
  assert.equal(
    stdout,
    [
      `warning  ${DATE}/hour=14: 150 events more than once (150 rows too many); 'sluice compact' drops them once the hour is sealed`,
      `warning  ${DATE}/hour=14: 50 events more than once (50 rows too many), the last of them in date=2026-07-04/hour=15; compaction drops them only inside one hour: count them once in queries`,
      `warning  ${DATE}/hour=15: 50 events more than once (50 rows too many); 'sluice compact' drops them once the hour is sealed`,
      '29 files, 1,450 events: 3 warnings',
      '',
    ].join('\n'),
  )
  const quick = await run('sluice', ['fsck', '--quick'], { cwd })
  assert.equal(quick.stdout, '29 files, 1,450 events: clean (rows not looked at)\n')
})

test('a lake that parquetjs-lite wrote is as clean as any, and so is none at all', async (t) => {
  const cwd = workplace(t)
  const none = await run('sluice', ['fsck'], { cwd })
  assert.deepEqual([none.code, none.stdout, readdirSync(cwd)], [0, '0 files, 0 events: clean\n', []])
  const { code, stderr } = await run('handle-stream', ['--writer', 'parquetjs', '--roll-rows', '50'], { cwd, input: eventLines(100, 3550).join('\n') })
  assert.equal(code, 0, stderr)
  const { stdout } = await run('sluice', ['fsck'], { cwd })
  assert.equal(stdout, '2 files, 100 events: clean\n')
})

test('lake and state on two filesystems are an error; --quick and --repair exclude each other; a running periodic excludes --repair', async (t) => {
  const cwd = workplace(t)
  await run('handle-stream', [], { cwd, input: eventLine(0) })
  const both = await run('sluice', ['fsck', '--quick', '--repair'], { cwd })
  assert.equal(both.code, 2)
  assert.match(both.stderr, /^sluice fsck: expected one of --quick and --repair/)

  const lock = await acquire(join(cwd, '.sluice/periodic.lock'), Date.now())
  const busy = await run('sluice', ['fsck', '--repair'], { cwd })
  assert.equal(busy.code, 75)
  assert.match(busy.stderr, /^sluice fsck: a periodic is running in \.sluice; wait for it, or stop it$/m)
  assert.equal((await fsck(cwd)).code, 0, 'looking is always possible')
  lock?.release()

  if (!existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(cwd).dev) return t.skip('no second filesystem')
  const elsewhere = mkdtempSync('/dev/shm/sluice-')
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }))
  cpSync(join(cwd, '.sluice'), elsewhere, { recursive: true })
  const { code, findings } = await fsck(cwd, '--state', elsewhere)
  assert.equal(code, 1)
  assert.deepEqual(findings.map(({ severity, check, path }) => [severity, check, path]), [['error', 'filesystem', elsewhere]])
})
