import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { acquire } from '../../src/lake/lock.ts'
import { readLake, readRejects, tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, start, until, workplace } from '../process.ts'

interface Status {
  files: number
  rows: number
  bytes: number
  newest: string | null
  lagSeconds: number | null
  hours: { all: number; open: number; sealed: number; first: string | null; last: string | null }
  openHours: { hour: string; files: number; rows: number; bytes: number }[]
  wal: Record<'live' | 'dead' | 'segments' | 'bytes' | 'deadSegments' | 'deadBytes', number>
  rejects: { count: number; reasons: { reason: string; count: number }[] } | null
  periodic: { running: { pid: number } | boolean; killed: string | null; last: { end: string } | null }
  trash: { entries: number; bytes: number; oldest: string | null }
  staging: { files: number; leftovers: number }
  exchange: boolean
  warnings: string[]
}

async function status(cwd: string, ...args: string[]): Promise<Status> {
  const { code, stdout, stderr } = await run('sluice', ['status', '--json', ...args], { cwd })
  assert.deepEqual([code, stderr], [0, ''])
  return JSON.parse(stdout)
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0)

test('the figures are those that an independent reader counts', async (t) => {
  const cwd = workplace(t)
  // 14:00:00 to 15:23:19, then some of 16:00: hours 14 and 15, the latter not sealed until ten minutes of 16 have passed.
  const lines = [...eventLines(5000), ...eventLines(300, 7200), 'no event', 'no event either', '[]']
  const { code, stderr } = await run('handle-stream', ['--roll-rows', '500'], { cwd, input: lines.join('\n') })
  assert.equal(code, 0, stderr)
  const lake = join(cwd, 'lake')
  const rows = await readLake(lake)
  const files = tree(lake)
  const found = await status(cwd)
  const now = Date.now()
  assert.equal(rows.length, 5300)
  assert.deepEqual([found.files, found.rows, found.bytes], [files.length, rows.length, sum(files.map((file) => statSync(join(lake, file)).size))])
  const newest = Math.max(...rows.map(({ event_time: time }) => time.getTime()))
  assert.equal(found.newest, new Date(newest).toISOString())
  assert.ok(Math.abs((found.lagSeconds ?? 0) - (now - newest) / 1000) < 60)

  const hour = (name: string): { hour: string; files: number; rows: number; bytes: number } => {
    const within = files.filter((file) => file.startsWith(`date=2026-07-04/hour=${name}/`))
    return {
      hour: `date=2026-07-04/hour=${name}`,
      files: within.length,
      rows: rows.filter(({ event_time: time }) => time.toISOString().slice(11, 13) === name).length,
      bytes: sum(within.map((file) => statSync(join(lake, file)).size)),
    }
  }
  assert.deepEqual(found.hours, { all: 3, open: 2, sealed: 1, first: 'date=2026-07-04/hour=14', last: 'date=2026-07-04/hour=16' })
  assert.deepEqual(found.openHours, [hour('15'), hour('16')])
  assert.deepEqual((await status(cwd, '--seal-after', '4m')).hours, { ...found.hours, open: 1, sealed: 2 })

  const letters = readRejects(join(cwd, '.sluice'))
  assert.equal(found.rejects?.count, letters.length)
  assert.deepEqual(sum(found.rejects?.reasons.map(({ count }) => count) ?? []), 3)
  assert.deepEqual(found.wal, { live: 0, dead: 0, segments: 0, bytes: 0, deadSegments: 0, deadBytes: 0 })
  assert.deepEqual(found.warnings, [])

  const { stdout } = await run('sluice', ['status'], { cwd })
  assert.match(stdout, new RegExp(`^lake +lake: ${files.length} files, 5,300 events, \\d`, 'm'))
  assert.match(stdout, /^hours +3: 2 open, 1 sealed; date=2026-07-04\/hour=14 to date=2026-07-04\/hour=16$/m)
  assert.match(stdout, /^newest +2026-07-04 16:04:59 \(.* ago\)$/m)
  assert.match(stdout, /^rejects +3: /m)
  assert.match(stdout, /^periodic +has not run yet$/m)
})

test('a lake that is not there yet is an empty one, and nothing is made', async (t) => {
  const cwd = workplace(t)
  const found = await status(cwd)
  assert.deepEqual([found.files, found.rows, found.newest, found.hours.all, found.warnings], [0, 0, null, 0, []])
  const { code, stdout } = await run('sluice', ['status'], { cwd })
  assert.equal(code, 0)
  assert.match(stdout, /^lake +lake: empty$/m)
  assert.deepEqual(readdirSync(cwd), [])
})

test('live writers are told from dead ones, and a running periodic from one that has ended', async (t) => {
  const cwd = workplace(t)
  const { child, ended } = start('handle-stream', ['--roll-seconds', '1h'], { cwd })
  t.after(() => child.kill('SIGKILL'))
  const lines = `${eventLines(20).join('\n')}\n`
  child.stdin?.write(lines)
  const wal = join(cwd, '.sluice/wal')
  await until('the lines are in the WAL', () => tree(wal).some((file) => file.endsWith('.ndjson') && statSync(join(wal, file)).size === Buffer.byteLength(lines)))
  const bytes = Buffer.byteLength(lines)
  const live = await status(cwd)
  assert.deepEqual(live.wal, { live: 1, dead: 0, segments: 1, bytes, deadSegments: 0, deadBytes: 0 })
  assert.deepEqual(live.warnings, [])
  child.kill('SIGKILL')
  await ended
  const dead = await status(cwd)
  assert.deepEqual(dead.wal, { live: 0, dead: 1, segments: 1, bytes, deadSegments: 1, deadBytes: bytes })
  assert.equal(dead.warnings.filter((warning) => /^1 segment \(.*\) of 1 dead writer: /.test(warning)).length, 1)

  const lock = await acquire(join(cwd, '.sluice/periodic.lock'), Date.now())
  const { running } = (await status(cwd)).periodic
  assert.equal(typeof running === 'object' && running.pid, process.pid)
  assert.match((await run('sluice', ['status'], { cwd })).stdout, new RegExp(`^periodic +running for .* \\(pid ${process.pid}\\); no run is on record$`, 'm'))
  lock?.release()
  assert.deepEqual((await status(cwd)).periodic, { running: false, killed: null, last: null })
})

test('it warns of what an operator has to look at', async (t) => {
  const cwd = workplace(t)
  const input = [...eventLines(120), ...Array.from({ length: 30 }, () => 'no event'), eventLine(9000)].join('\n')
  await run('handle-stream', ['--roll-rows', '1'], { cwd, input })
  const hour = join(cwd, 'lake/date=2026-07-04/hour=14/0')
  const [torn = ''] = readdirSync(hour)
  truncateSync(join(hour, torn), 100)
  mkdirSync(join(cwd, 'lake/_temporary'))
  writeFileSync(join(cwd, 'lake/_temporary/x'), '')
  const { warnings, files, rows } = await status(cwd)
  assert.deepEqual([files, rows], [121, 120])
  assert.deepEqual(warnings, [
    `1 file of the lake cannot be read (date=2026-07-04/hour=14/0/${torn}): run 'sluice fsck --repair'`,
    "1 stranger in the lake, ignored: _temporary/: see 'sluice fsck'",
    "30 of 150 lines (20.0 %) were rejected: see 'sluice rejects'",
    "120 small files in 1 sealed hour: periodic or 'sluice compact' merges them",
  ])
  // A reject's reason that is longer than a line or holds control characters must not break the table.
  const reason = 'x\u001b[2Jy'
  writeFileSync(join(cwd, '.sluice/rejected/20260101T000000000Z-escape-00000001.ndjson'), `${JSON.stringify({ reason, segment: '', line: 1, at: '2026-01-01T00:00:00Z', text: '' })}\n`)
  const { stdout } = await run('sluice', ['status'], { cwd })
  assert.ok(!stdout.includes('\u001b'))
  assert.match(stdout, /^rejects +31: 30 .*; 1 x\\u001b\[2Jy$/m)

  writeFileSync(join(cwd, '.sluice/rejected/20260101T000000000Z-broken-00000001.ndjson'), '{')
  assert.ok((await status(cwd)).warnings.includes("the rejects cannot be read: see 'sluice fsck'"))
})

test('what compaction keeps for running queries is counted apart', async (t) => {
  const cwd = workplace(t)
  await run('handle-stream', ['--roll-rows', '100'], { cwd, input: [...eventLines(600), eventLine(9000)].join('\n') })
  const before = await status(cwd)
  assert.equal((await run('sluice', ['compact'], { cwd })).code, 0)
  const after = await status(cwd)
  assert.deepEqual([before.files, after.files, after.rows], [7, 2, 601])
  assert.equal(after.trash.entries, 1)
  assert.ok(after.trash.bytes > 0 && after.trash.oldest !== null)
  assert.equal(after.periodic.killed, null)
})
