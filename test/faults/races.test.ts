import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { openDisk } from '../../src/lake/disk.ts'
import { acquire, acquirePatiently, isHeld } from '../../src/lake/lock.ts'
import { planMaintenance } from '../../src/lake/maintain.ts'
import { readLake, readRejects, tree } from '../lake.ts'
import type { Running } from '../process.ts'
import { start, until, workplace } from '../process.ts'
import { command, meanwhile } from './scenarios.ts'
import { makeStream, textOf } from './stream.ts'

// Each is a race that was lost once, or that a protocol is there for, made to happen by stopping a process at a step.

const stream = makeStream()
const ROLLED = ['handle-stream', '--roll-rows', '40'] as const

async function keys(cwd: string): Promise<string[]> {
  return (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey)).sort()
}

test('who resumes while another recovers waits for it, and drops what repeats itself', async (t) => {
  const cwd = workplace(t)
  await command(ROLLED, cwd, { fault: 'kill@before:commit.rename#1', input: textOf(stream.lines.slice(0, 100)) })
  let resumed: Running | undefined
  // Not by periodic: a merge would drop what repeats itself.
  const recovery = await meanwhile(['handle-stream'], cwd, {
    stop: 'before:commit.rename#1',
    async act() {
      resumed = start('handle-stream', [], { cwd, env: { SLUICE_FAULT: 'trace' } })
      resumed.child.stdin?.end(textOf(stream.lines.slice(60)))
      await until('it looks for logs', () => /"mkdir","step":"places.make","paths":\["[^"]*wal"/.test(resumed?.said.stderr ?? ''))
      // Long enough for it to read, were it not waiting; then it may as well get all of it into the lake.
      for (let times = 0; times < 75 && !resumed.said.stderr.includes('"step":"wal.append"'); times++) await sleep(20)
      if (resumed.said.stderr.includes('"step":"wal.append"')) await resumed.ended
    },
  })
  assert.equal(recovery.code, 0, recovery.stderr)
  assert.equal((await resumed?.ended)?.code, 0)
  assert.deepEqual(await keys(cwd), [...stream.keys].sort())
})

test('logs of streams that are at different times are recovered each with its own past', async (t) => {
  const cwd = workplace(t)
  const other = makeStream({ events: 60, name: 'other-', start: Date.parse('2026-07-04T08:00:00Z') })
  const events = other.lines.slice(0, 50)
  await command(['handle-stream'], cwd, { fault: 'kill@before:commit.rename#1', input: textOf(stream.lines) })
  mkdirSync(join(cwd, 'elsewhere'))
  copyFileSync(join(cwd, '.sluice', 'lake.json'), join(cwd, 'elsewhere', 'lake.json'))
  await command(['handle-stream', '--state', 'elsewhere'], cwd, { input: textOf(events.slice(0, 40)) })
  await command(['handle-stream', '--state', 'elsewhere'], cwd, { fault: 'kill@before:commit.rename#1', input: textOf(events.slice(20)) })
  // Logs of both in one state, the second of which repeats what the lake has.
  execFileSync('sh', ['-c', 'mv elsewhere/wal/2* .sluice/wal/'], { cwd })
  const { code, stderr } = await command(['handle-stream'], cwd)
  assert.equal(code, 0, stderr)
  assert.deepEqual(await keys(cwd), [...stream.keys, ...events.flatMap(({ key }) => key ?? [])].sort())
})

test('a file whose segment comes to its log while a merge is planned is not merged', async (t) => {
  const cwd = workplace(t)
  await command(ROLLED, cwd, { input: textOf(stream.lines) })
  const place = { lake: join(cwd, 'lake'), state: join(cwd, '.sluice'), now: Date.now }
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14', '0')
  const [file = ''] = readdirSync(hour)
  const newcomer = file.replace(/-\d{8}\.parquet$/, '-00009999.parquet')
  const rules = { watermark: Date.now(), sealAfter: 0, targetBytes: 1e9, budget: Infinity, keep: undefined, grace: 0, yes: false }
  const { merges } = await planMaintenance(place, {
    ...rules,
    // Committed after the files were listed, and gone from its log by the time the logs are listed.
    async pending() {
      copyFileSync(join(hour, file), join(hour, newcomer))
      return new Set()
    },
  })
  assert.ok(merges.length > 0)
  assert.deepEqual(merges.flatMap(({ inputs }) => inputs).filter(({ path }) => path.endsWith(newcomer)), [])
})

test('a file whose segment is still in a log goes on as it is when its hour is merged', async (t) => {
  const cwd = workplace(t)
  await command(['handle-stream'], cwd, { input: textOf(makeStream({ events: 20, name: 'newer-', start: Date.parse('2026-07-04T20:00:00Z') }).lines) })
  await command(ROLLED, cwd, { input: textOf(stream.lines), fault: 'kill@before:ingest.done#3' })
  const hour = join(cwd, 'lake', 'date=2026-07-04', 'hour=14')
  const logs = tree(join(cwd, '.sluice', 'wal')).map((path) => path.replace('/', '-').replace(/\..*ndjson$/, '.parquet'))
  const pending = readdirSync(join(hour, '0')).filter((file) => logs.includes(file))
  assert.ok(pending.length > 0)
  assert.equal((await command(['sluice', 'compact'], cwd)).code, 0)
  assert.deepEqual(readdirSync(join(hour, '1')).sort(), [...pending, 'part-000.parquet'].sort())
})

test('a file that comes into an hour while it is exchanged is in the lake when its writer has ended', async (t) => {
  const cwd = workplace(t)
  await command(ROLLED, cwd, { input: textOf(stream.lines) })
  const late = makeStream({ events: 20, name: 'late-' })
  const act = async (): Promise<void> => void assert.equal((await command(['sluice', 'compact'], cwd)).code, 0)
  const { code, stderr } = await meanwhile(ROLLED, cwd, { stop: 'before:commit.rename#1', input: textOf(late.lines), act })
  assert.equal(code, 0, stderr)
  assert.deepEqual(await keys(cwd), [...stream.keys, ...late.keys].sort())
})

test('one compaction at a time; the second leaves everything alone', async (t) => {
  const cwd = workplace(t)
  await command(ROLLED, cwd, { input: textOf(stream.lines) })
  const first = await meanwhile(['sluice', 'compact'], cwd, {
    stop: 'before:compact.exchange#1',
    async act() {
      const before = tree(cwd)
      for (const what of [['sluice', 'compact', '--grace', '0s'], ['sluice', 'fsck', '--repair']] as const) {
        const { code, stderr } = await command(what, cwd)
        assert.equal(code, 75, stderr)
      }
      assert.deepEqual(tree(cwd), before)
    },
  })
  assert.equal(first.code, 0, first.stderr)
  assert.deepEqual(await keys(cwd), [...stream.keys].sort())
})

test('a late event begins a dropped date anew; it is dropped again, but not before the grace of the first time is over', async (t) => {
  const cwd = workplace(t)
  const day = (n: number): string => textOf(makeStream({ events: 20, name: `day${n}-`, start: Date.parse('2026-06-20T10:00:00Z') + n * 86_400_000 }).lines)
  await command(['handle-stream'], cwd, { input: [0, 1, 2, 3].map(day).join('') })
  const drop = ['sluice', 'compact', '--keep', '2d'] as const
  assert.match((await command(drop, cwd)).stdout, /^date=2026-06-20: dropped\n$/)
  await command(['handle-stream'], cwd, { input: textOf(makeStream({ events: 5, name: 'late-', start: Date.parse('2026-06-20T12:00:00Z') }).lines.slice(0, 1)) })
  assert.equal((await keys(cwd)).filter((key) => key.startsWith('klate-')).length, 1)
  const soon = await command(drop, cwd)
  assert.deepEqual([soon.code, soon.stdout, soon.stderr], [0, 'nothing to do\n', ''])
  const then = await command([...drop, '--grace', '0s'], cwd)
  assert.match(then.stdout, /^date=2026-06-20: dropped\n$/)
  assert.equal((await keys(cwd)).length, 60)
})

test('a date with an hour that was merged just now is not dropped before its grace is over', async (t) => {
  const cwd = workplace(t)
  const old = makeStream({ events: 100, name: 'old-', start: Date.parse('2026-06-20T10:00:00Z') })
  await command(['handle-stream', '--roll-rows', '20'], cwd, { input: textOf(old.lines) + textOf(stream.lines) })
  assert.match((await command(['sluice', 'compact'], cwd)).stdout, /^date=2026-06-20\/hour=10: 5 files into 1/)
  const listed = readdirSync(join(cwd, 'lake/date=2026-06-20/hour=10/0'))
  const drop = ['sluice', 'compact', '--keep', '2d'] as const
  assert.equal((await command(drop, cwd)).stdout, 'nothing to do\n')
  // What a query listed before the merge still opens.
  for (const file of listed) assert.ok(readFileSync(join(cwd, 'lake/date=2026-06-20/hour=10/0', file)).length > 0)
  assert.match((await command([...drop, '--grace', '0s'], cwd)).stdout, /^date=2026-06-20: dropped\n/)
})

test('dead letters are fed back once, however many do it, and not while their segment is in a log', async (t) => {
  const cwd = workplace(t)
  await command(['handle-stream'], cwd, { input: textOf(stream.lines), fault: 'kill@before:ingest.done#1' })
  const replay = ['sluice', 'rejects', '--replay'] as const
  const bad = stream.lines.filter(({ key }) => key === undefined).length
  const pending = await command(replay, cwd)
  assert.equal(pending.code, 0, pending.stderr)
  await command(['handle-stream'], cwd)
  assert.equal(readRejects(join(cwd, '.sluice')).length, bad)
  const [one, two] = await Promise.all([command(replay, cwd), command(replay, cwd)])
  assert.deepEqual([one.code, two.code], [0, 0], one.stderr + two.stderr)
  assert.equal(readRejects(join(cwd, '.sluice')).length, bad)
})

test('a lake behind a symlink: old paths of a merged hour and of a dropped date still lead to their files', async (t) => {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'far', 'away', 'lake'), { recursive: true })
  symlinkSync(join('far', 'away', 'lake'), join(cwd, 'lake'))
  const old = makeStream({ events: 20, name: 'old-', start: Date.parse('2026-06-20T10:00:00Z') })
  await command(ROLLED, cwd, { input: textOf(old.lines) + textOf(stream.lines) })
  const before = tree(join(cwd, 'far', 'away', 'lake'))
  const { code, stderr } = await command(['sluice', 'compact', '--keep', '2d'], cwd)
  assert.equal(code, 0, stderr)
  for (const path of before) assert.ok(readFileSync(join(cwd, 'lake', path)).length > 0, path)
  await command(['sluice', 'compact', '--keep', '2d', '--grace', '0s'], cwd)
  assert.deepEqual(await keys(cwd), [...stream.keys].sort())
  assert.deepEqual(readdirSync(join(cwd, 'lake')), ['date=2026-07-04'])
})

test('who only asks whether a lock is held does not keep anybody from it', async (t) => {
  const path = join(workplace(t), 'lock')
  writeFileSync(path, '')
  let asking = true
  const asked = (async () => {
    for (; asking; await sleep(0)) await isHeld(path)
  })()
  for (let n = 0; n < 50; n++) {
    const lock = await acquirePatiently(path, 0)
    assert.ok(lock)
    lock.release()
    await sleep(0)
  }
  asking = false
  await asked
  const lock = await acquire(path, 0)
  assert.equal(await acquirePatiently(path, 0), undefined)
  lock?.release()
})

test('a log that its writer ends while another looks for dead ones is no trouble', async (t) => {
  const cwd = workplace(t)
  // All of them begin and end at about the same time.
  const runs = await Promise.all(Array.from({ length: 6 }, (_, n) => command(['handle-stream'], cwd, { input: textOf(makeStream({ events: 20, name: `w${n}-` }).lines) })))
  assert.deepEqual(runs.map(({ code, stderr }) => (code === 0 ? '' : stderr)), runs.map(() => ''))
  assert.equal((await keys(cwd)).length, 120)
  assert.deepEqual(tree(join(cwd, '.sluice')).filter((path) => !path.startsWith('rejected/')), ['lake.json'])
})

test('a full disk stops a compaction with one sentence; with space again the next one is whole', async (t) => {
  const cwd = workplace(t)
  const disk = join(cwd, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
  try {
    await command(ROLLED, disk, { input: textOf(stream.lines) })
    execFileSync('sh', ['-c', 'head -c 8m /dev/zero > filler 2>/dev/null || true'], { cwd: disk })
    const full = await command(['sluice', 'compact'], disk)
    assert.equal(full.code, 74, full.stderr)
    assert.match(full.stderr, /^sluice compact: cannot .*: the disk is full: free some space, .* \(ENOSPC\)\n$/)
    execFileSync('rm', ['filler'], { cwd: disk })
    const { code, stderr } = await command(['sluice', 'compact'], disk)
    assert.equal(code, 0, stderr)
    assert.deepEqual(await keys(disk), [...stream.keys].sort())
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})

test('a writer that is killed leaves its staged files to the next one, a live one keeps them', async (t) => {
  const cwd = workplace(t)
  await command(ROLLED, cwd, { input: textOf(stream.lines), fault: 'kill@before:commit.rename#1' })
  const staging = join(cwd, '.sluice', 'staging')
  assert.ok(tree(staging).length > 0)
  const live = start('handle-stream', [], { cwd })
  await until('it has recovered', () => live.said.stderr.includes('recovered'))
  assert.match(live.said.stderr, /recovered \d+ segments that an earlier run left, removed \d+ staged files\n/)
  const [template = ''] = tree(staging)
  assert.match(template, /\.template$/)
  await command(['handle-stream'], cwd)
  assert.deepEqual(tree(staging), [template])
  live.child.stdin?.end()
  assert.equal((await live.ended).code, 0)
  assert.deepEqual(tree(staging), [])
})

test('removing a tree does not follow symlinks, and does not mind who puts something into it', async (t) => {
  const cwd = workplace(t)
  const outside = join(cwd, 'outside')
  mkdirSync(join(cwd, 'tree', 'deep'), { recursive: true })
  writeFileSync(outside, '')
  symlinkSync(dirname(outside), join(cwd, 'tree', 'deep', 'link'))
  await openDisk(({ step }, act) => {
    // Once, when all that was listed is gone.
    if (step === 'empty.remove' && readdirSync(join(cwd, 'tree')).length === 0) writeFileSync(join(cwd, 'tree', 'late'), '')
    return act()
  }).removeTree(join(cwd, 'tree'), 'wal.retire')
  assert.deepEqual(tree(cwd), ['outside'])
})
