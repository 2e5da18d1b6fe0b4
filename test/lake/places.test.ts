import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDisk } from '../../src/lake/disk.ts'
import { acquireDirectory } from '../../src/lake/lock.ts'
import { readLake, tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, start, until, workplace } from '../process.ts'

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

test('what is in the state is nobody else’s, whatever the umask, and is closed where it was open; a lake is for whoever may read it', async (t) => {
  const cwd = workplace(t)
  const input = text([...eventLines(50), 'no event', eventLine(9000)])
  execFileSync('sh', ['-c', 'umask 0; exec "$0" --roll-rows 10', join(import.meta.dirname, '../../../handle-stream')], { cwd, input, stdio: ['pipe', 'ignore', 'ignore'] })
  const state = join(cwd, '.sluice')
  // Queries of others that have listed the lake pass through the trash.
  assert.equal((await run('sluice', ['compact'], { cwd })).code, 0)
  const modes = (): Record<string, string> => Object.fromEntries(['', 'wal', 'staging', 'rejected', 'trash'].map((name) => [name, mode(join(state, name))]))
  const closed = { '': '711', wal: '700', staging: '700', rejected: '700', trash: '711' }
  assert.deepEqual(modes(), closed)
  for (const path of tree(join(state, 'rejected'))) assert.equal(mode(join(state, 'rejected', path)), '600')
  assert.equal(mode(join(state, 'lake.json')), '600')
  for (const path of tree(join(cwd, 'lake')).filter((path) => path.includes('hour=16'))) assert.equal(mode(join(cwd, 'lake', path)), '666')

  for (const name of ['', 'wal', 'rejected', 'trash']) chmodSync(join(state, name), 0o777)
  const { child } = start('handle-stream', [], { cwd })
  t.after(() => child.kill('SIGKILL'))
  child.stdin?.write(text(eventLines(1, 9100)))
  await until('a log is there', () => tree(join(state, 'wal')).some((path) => path.endsWith('.ndjson')))
  assert.deepEqual(modes(), closed)
  for (const path of tree(join(state, 'wal'))) assert.equal(mode(join(state, 'wal', path)), '600', path)
})

test('who waits for a lock says so after two seconds, and gives up where its holder does nothing', async (t) => {
  const cwd = workplace(t)
  const wal = join(cwd, '.sluice/wal')
  mkdirSync(wal, { recursive: true })
  const lock = await acquireDirectory(wal)
  const waiting = start('handle-stream', [], { cwd })
  waiting.child.stdin?.end(text(eventLines(10)))
  await until('it says that it waits', () => waiting.said.stderr !== '')
  assert.match(waiting.said.stderr, new RegExp(`^handle-stream: waiting for \\S+ \\(pid ${process.pid}\\), which holds the lock of \\.sluice/wal\n$`))
  const said: string[] = []
  await assert.rejects(acquireDirectory(wal, { say: (sentence) => void said.push(sentence), patience: 100 }), (error: Error) => {
    assert.match(error.message, /^expected the lock of \S+wal to be free within 0\.1 s, but \S+ \(pid \d+\) holds it and does nothing there; stop that process, then start again$/)
    return true
  })
  assert.deepEqual(said, [])
  // A sign of life.
  const patient = acquireDirectory(wal, { patience: 300 })
  for (let n = 0; n < 4; n++) {
    await sleep(150)
    mkdirSync(join(wal, `new-${n}`))
  }
  lock.release()
  ;(await patient).release()
  assert.equal((await waiting.ended).code, 0)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 10)
})

test('two mounts of one filesystem are told before a line is taken', async (t) => {
  const cwd = workplace(t)
  for (const name of ['lake', 'state']) {
    mkdirSync(join(cwd, 'real', name), { recursive: true })
    mkdirSync(join(cwd, name))
    execFileSync('mount', ['--bind', join(cwd, 'real', name), join(cwd, name)])
  }
  try {
    const { code, stderr } = await run('handle-stream', ['--state', 'state'], { cwd, input: text(eventLines(10)) })
    assert.equal(code, 2)
    assert.match(stderr, /^handle-stream: expected lake and state on one filesystem and one mount of it, since files move between them by rename; choose --state beside --lake\n$/)
    assert.deepEqual([readdirSync(join(cwd, 'lake')), tree(join(cwd, 'state/wal'))], [[], []])
    const checked = await run('sluice', ['fsck', '--state', 'state'], { cwd })
    assert.match(checked.stdout, /^error    state: on another filesystem than the lake/m)
    // A symlink is no mount.
    const linked = await run('handle-stream', ['--lake', 'real/lake', '--state', 'real/state'], { cwd, input: text(eventLines(10)) })
    assert.equal(linked.code, 0, linked.stderr)
  } finally {
    for (const name of ['lake', 'state']) execFileSync('umount', ['-l', join(cwd, name)])
  }
})

test('a state that is taken away meanwhile ends it with a sentence', async (t) => {
  const cwd = workplace(t)
  const { child, said, ended } = start('handle-stream', ['--roll-seconds', '1s'], { cwd })
  t.after(() => child.kill('SIGKILL'))
  child.stdin?.write(text(eventLines(10)))
  await until('the first batch is in the lake', () => said.stderr.includes(' files'))
  const [log = ''] = readdirSync(join(cwd, '.sluice/wal'))
  rmSync(join(cwd, '.sluice'), { recursive: true })
  child.stdin?.write(text(eventLines(10, 10)))
  const { code, stderr } = await ended
  assert.equal(code, 74, stderr)
  assert.match(stderr, new RegExp(`^handle-stream: expected \\.sluice/wal/${log} to stay as long as this runs, got no such directory any more; put \\.sluice back, or start again, which makes a new one$`, 'm'))
  assert.equal((await readLake(join(cwd, 'lake'))).length, 10)

  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/slow.sql'), 'SELECT count(*) AS n FROM range(1000000) AS a(i), range(2000) AS b(j) WHERE (i * j) % 7 = 3')
  const periodic = start('periodic', [], { cwd })
  await until('it runs', () => existsSync(join(cwd, '.sluice/staging/periodic/parts_1')))
  renameSync(join(cwd, '.sluice'), join(cwd, 'away'))
  const result = await periodic.ended
  assert.equal(result.code, 74, result.stderr)
  assert.match(result.stderr, /^periodic: expected \.sluice\/staging\/periodic to stay as long as this runs, got no such directory any more; put \.sluice back/m)
})

test('a terminal that is closed ends it as SIGTERM does: what was read is in the lake', async (t) => {
  const cwd = workplace(t)
  const { child, said, ended } = start('handle-stream', ['--roll-seconds', '1h'], { cwd })
  t.after(() => child.kill('SIGKILL'))
  child.stdin?.write(text(eventLines(10)))
  await until('the lines are in the log', () => tree(join(cwd, '.sluice/wal')).some((path) => path.endsWith('.ndjson')))
  child.kill('SIGHUP')
  const { code, signal } = await ended
  assert.deepEqual([code, signal], [0, null], said.stderr)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 10)

  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/one.sql'), 'SELECT 1 AS one')
  const loop = start('periodic', ['--every', '1h', '--json'], { cwd })
  await until('the first run is over', () => loop.said.stdout.includes('"run"'))
  loop.child.kill('SIGHUP')
  const looped = await loop.ended
  assert.deepEqual([looped.code, looped.signal], [0, null], looped.stderr)
})

test('a log whose lock gets another name when it is removed, as on FUSE, ends all the same', async (t) => {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'log'))
  let hidden = 0
  // Each removal of what is open leaves it under another name.
  const disk = openDisk(({ call, paths }, act) => {
    if (call !== 'unlink' || !/(lock|\.fuse_hidden\d+)$/.test(paths[0] ?? '')) return act()
    renameSync(paths[0] as string, join(cwd, 'log', `.fuse_hidden${++hidden}`))
    return Promise.resolve() as ReturnType<typeof act>
  })
  await disk.write(join(cwd, 'log/lock'), '', 'wal.make')
  await disk.removeTree(join(cwd, 'log'), 'wal.retire')
  assert.ok(hidden > 0 && hidden < 20, `${hidden}`)
})

test('on FUSE a stream ends, and an hour is merged', { skip: !existsSync('/dev/fuse') || !existsSync('/usr/bin/bindfs') }, async (t) => {
  const cwd = workplace(t)
  for (const name of ['real', 'mounted']) mkdirSync(join(cwd, name))
  execFileSync('bindfs', [join(cwd, 'real'), join(cwd, 'mounted')])
  const mounted = join(cwd, 'mounted')
  try {
    const { code, stderr } = await run('handle-stream', ['--roll-rows', '50'], { cwd: mounted, input: text([...eventLines(200), eventLine(9000)]) })
    assert.equal(code, 0, stderr)
    assert.deepEqual(tree(join(mounted, '.sluice')), ['lake.json'])
    for (let n = 0; n < 2; n++) assert.equal((await run('sluice', ['compact', '--grace', '0s'], { cwd: mounted })).code, 0)
    assert.equal((await readLake(join(mounted, 'lake'))).length, 201)
    assert.deepEqual(tree(join(mounted, '.sluice')).filter((path) => path !== 'periodic.lock'), ['lake.json'])
  } finally {
    execFileSync('umount', ['-l', mounted])
  }
})
