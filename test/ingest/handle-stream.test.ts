import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readLake, readRejects, recordOf, tree } from '../lake.ts'
import { eventLine, eventLines, random } from '../lines.ts'
import { ROOT, run, start, until, workplace } from '../process.ts'

const keys = (rows: { rkey: string | null }[]): string[] => rows.map(({ rkey }) => String(rkey)).sort()
const expectedKeys = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`).sort()

test('every line of the input is in the lake once, whatever the rolls and the chunks', async (t) => {
  const input = `${eventLines(5000).join('\n')}\n`
  for (const [args, chunk] of [
    [['--roll-rows', '700'], 1000],
    [['--roll-bytes', '64KB'], 65536],
    [['--roll-rows', '1'], 1e6],
  ] as const) {
    const cwd = workplace(t)
    const text = args[1] === '1' ? input.split('\n').slice(0, 40).join('\n') : input
    const { child, ended } = start('handle-stream', args, { cwd })
    for (let at = 0; at < text.length; at += chunk) child.stdin?.write(text.slice(at, at + chunk))
    child.stdin?.end()
    const { code, stderr } = await ended
    assert.equal(code, 0, stderr)
    const count = args[1] === '1' ? 40 : 5000
    assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(count))
    assert.deepEqual(tree(join(cwd, '.sluice')), ['lake.json'], 'nothing else is left in the state directory')
  }
})

test('rows hold what the lines said', async (t) => {
  const cwd = workplace(t)
  const lines = eventLines(4000)
  await run('handle-stream', [], { cwd, input: lines.join('\n') })
  const rows = new Map((await readLake(join(cwd, 'lake'))).map((row) => [row.rkey, row]))
  for (const line of lines) {
    const event = JSON.parse(line)
    const row = rows.get(event.path.split('/')[1])
    assert.ok(row)
    assert.equal(row.event_time.getTime(), Math.floor(event.time_us / 1000))
    assert.deepEqual(
      [row['kind'], row['action'], row.did, row['collection'], row['cid'], row.rev, row['extra'] ?? null],
      ['commit', 'create', event.repo, event.path.split('/')[0], event.cid, event.rev, null],
    )
    assert.deepEqual(recordOf(row), event.record)
    assert.equal(row['text'] ?? null, event.record.text ?? null)
    assert.deepEqual(row['langs'] ?? null, event.record.langs ?? null)
    assert.equal(row['subject_uri'] ?? null, event.record.subject?.uri ?? null)
  }
})

test('events repeated by a source that rewinds are dropped, in one run and across a restart', async (t) => {
  const cwd = workplace(t)
  const first = eventLines(100)
  const { stderr } = await run('handle-stream', ['--roll-rows', '30'], { cwd, input: [...first, ...first.slice(60)].join('\n') })
  assert.match(stderr, /40 repeated/)
  const again = await run('handle-stream', [], { cwd, input: eventLines(80, 70).join('\n') })
  assert.match(again.stderr, /50 events · .* 30 repeated/)
  assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(150))
})

test('a batch is committed when its time has come, though the input goes on', async (t) => {
  const cwd = workplace(t)
  const { child, ended, said } = start('handle-stream', ['--roll-seconds', '0.2s', '--json'], { cwd })
  child.stdin?.write(`${eventLine(0)}\n${eventLine(1).slice(0, 50)}`)
  await until('the first event is in the lake', async () => (await readLake(join(cwd, 'lake'))).length === 1)
  child.stdin?.write(`${eventLine(1).slice(50)}\n`)
  await until('the second event is in the lake', async () => (await readLake(join(cwd, 'lake'))).length === 2)
  // A file is there a little before the line that says so.
  await until('both are told', () => said.stdout.split('\n').length === 3)
  const files = said.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line))
  assert.deepEqual(files.map(({ path, rows }) => [existsSync(join(cwd, path)), rows]), [[true, 1], [true, 1]])
  child.stdin?.end()
  assert.equal((await ended).code, 0)
})

test('what a killed run had read, the next run brings into the lake', async (t) => {
  const cwd = workplace(t)
  const lines = eventLines(3000)
  const killed = start('handle-stream', ['--roll-seconds', '1h'], { cwd })
  killed.child.stdin?.write(`${lines.slice(0, 2000).join('\n')}\n`)
  const wal = join(cwd, '.sluice', 'wal')
  const size = lines.slice(0, 2000).join('\n').length
  await until('the log holds the lines', () => tree(wal).some((file) => file.endsWith('.ndjson') && readFileSync(join(wal, file)).toString().length > size))
  killed.child.kill('SIGKILL')
  assert.equal((await killed.ended).signal, 'SIGKILL')
  assert.deepEqual(tree(join(cwd, 'lake')), [], 'nothing was committed before the kill')

  // A live writer's log is left alone by another that starts.
  const live = start('handle-stream', ['--roll-seconds', '1h'], { cwd })
  live.child.stdin?.write(`${lines[2000]}\n`)
  await until('the dead log is recovered', async () => (await readLake(join(cwd, 'lake'))).length === 2000)
  const { code, stderr } = await run('handle-stream', [], { cwd, input: lines.slice(2001).join('\n') })
  assert.equal(code, 0, stderr)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 2999)
  live.child.stdin?.end()
  assert.equal((await live.ended).code, 0)
  assert.deepEqual(keys(await readLake(join(cwd, 'lake'))), expectedKeys(3000))
})

test('signals: SIGTERM commits what was read; SIGINT reads to the end of the input; the second signal ends at once', async (t) => {
  const term = workplace(t)
  const a = start('handle-stream', ['--roll-seconds', '1h'], { cwd: term })
  a.child.stdin?.write(`${eventLines(500).join('\n')}\n`)
  await until('it reads', () => tree(join(term, '.sluice', 'wal')).some((file) => file.endsWith('.ndjson')))
  a.child.kill('SIGTERM')
  assert.equal((await a.ended).code, 0)
  const kept = keys(await readLake(join(term, 'lake')))
  assert.ok(kept.length > 0)

  const int = workplace(t)
  const b = start('handle-stream', ['--roll-seconds', '1h'], { cwd: int })
  b.child.stdin?.write(`${eventLines(500).join('\n')}\n`)
  await until('it reads', () => tree(join(int, '.sluice', 'wal')).some((file) => file.endsWith('.ndjson')))
  b.child.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 100))
  b.child.stdin?.end(`${eventLines(500, 500).join('\n')}\n`)
  assert.equal((await b.ended).code, 0)
  assert.deepEqual(keys(await readLake(join(int, 'lake'))), expectedKeys(1000))

  const twice = workplace(t)
  const c = start('handle-stream', ['--roll-seconds', '1h'], { cwd: twice })
  c.child.stdin?.write(`${eventLines(500).join('\n')}\n`)
  await until('it reads', () => tree(join(twice, '.sluice', 'wal')).some((file) => file.endsWith('.ndjson')))
  c.child.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 100))
  c.child.kill('SIGINT')
  assert.equal((await c.ended).signal, 'SIGINT')
  await run('handle-stream', [], { cwd: twice })
  assert.deepEqual(keys(await readLake(join(twice, 'lake'))), expectedKeys(500))
})

test('readers of stderr and of stdout may go away', async (t) => {
  const cwd = workplace(t)
  const { child, ended } = start('handle-stream', ['--roll-rows', '100', '--json'], { cwd })
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.stdin?.end(eventLines(1000).join('\n'))
  assert.equal((await ended).code, 0)
  assert.equal((await readLake(join(cwd, 'lake'))).length, 1000)
})

test('a terminal on stdin: two lines of usage, exit 2', (t) => {
  const cwd = workplace(t)
  const script = `stty -onlcr 2>/dev/null; ${join(ROOT, 'handle-stream')}; echo "exit $?"`
  const said = execFileSync('script', ['-qec', script, '/dev/null'], { cwd, encoding: 'utf8' }).trim().split(/\r?\n/)
  assert.equal(said.length, 3, said.join('\n'))
  assert.equal(said[2], 'exit 2')
})

test('an empty stream is no error', async (t) => {
  const cwd = workplace(t)
  const { code, stderr } = await run('handle-stream', [], { cwd })
  assert.equal(code, 0)
  assert.equal(stderr, 'handle-stream: the input had no lines\n')
})

test('options: nonsense is one line and exit 2; precedence is flag, variable, sluice.yaml, default', async (t) => {
  const cwd = workplace(t)
  for (const [args, message] of [
    [['--roll-rows', 'abc'], 'expected --roll-rows to be a whole number >= 1, got `abc`'],
    [['--roll-rows', '0'], 'expected --roll-rows to be a whole number >= 1, got `0`'],
    [['--roll-rows'], 'Not enough arguments following: roll-rows'],
    [['--roll-seconds', '-1'], 'expected --roll-seconds to be a duration such as 30s, 10m, 12h or 30d, got `-1`'],
    [['--frobnicate'], 'expected an option, got `--frobnicate`'],
    [['--rol-rows', '5'], 'expected an option, got `--rol-rows` (did you mean `--roll-rows`?)'],
    [['--writer', 'csv'], 'expected --writer to be one of duckdb, parquetjs, got `csv`'],
    [['--timezone', 'Moon'], 'expected --timezone to be a time zone such as UTC or Europe/Berlin, got `Moon`'],
    [['--lake', 'a', '--lake', 'b'], 'expected --lake once, got it 2 times'],
    [['--durability', 'eternal'], 'expected --durability to be process, power or power:INTERVAL such as power:200ms, got `eternal`'],
    [['more'], 'unexpected argument `more`'],
  ] as const) {
    const { code, stderr } = await run('handle-stream', args, { cwd })
    assert.equal(stderr, `handle-stream: ${message}; see 'handle-stream --help'\n`)
    assert.equal(code, 2)
  }
  assert.deepEqual(tree(cwd), [])

  writeFileSync(join(cwd, 'sluice.yaml'), 'lake: from-yaml\nroll-rows: 2\n')
  const input = eventLines(4).join('\n')
  const files = async (args: string[], env: Record<string, string>): Promise<string> => {
    await run('handle-stream', args, { cwd, env, input })
    const [place] = ['from-flag', 'from-env', 'from-yaml'].filter((name) => existsSync(join(cwd, name)))
    const count = tree(join(cwd, String(place))).length
    execFileSync('rm', ['-rf', 'from-flag', 'from-env', 'from-yaml', '.sluice'], { cwd })
    return `${place} ${count}`
  }
  assert.equal(await files([], {}), 'from-yaml 2')
  assert.equal(await files([], { SLUICE_LAKE: 'from-env' }), 'from-env 2')
  assert.equal(await files(['--lake', 'from-flag', '--roll-rows', '1'], { SLUICE_LAKE: 'from-env' }), 'from-flag 4')
})

test('places that cannot be: one sentence, exit 74, nothing lost', async (t) => {
  const cwd = workplace(t)
  writeFileSync(join(cwd, 'file'), '')
  for (const [args, message] of [
    [['--lake', 'file'], /^handle-stream: expected file to be the lake's directory, got a file; give another one by --lake\n$/],
    [['--lake', 'file/lake'], /^handle-stream: cannot read directory file\/lake: a file stands where a directory belongs: .*\n$/],
    [['--lake', '/proc/lake'], /^handle-stream: cannot make directory \/proc\/lake: .*\n$/],
    [['--state', 'file'], /^handle-stream: cannot read directory file\/wal: a file stands .*\n$/],
  ] as const) {
    const { code, stderr } = await run('handle-stream', args, { cwd, input: eventLine(0) })
    assert.match(stderr, message)
    assert.equal(code, 74)
  }
  const { code, stderr } = await run('handle-stream', ['--lake', '/dev/shm/sluice-elsewhere'], { cwd, input: eventLine(0) })
  assert.match(stderr, /on one filesystem/)
  assert.equal(code, 2)
})

test('a full filesystem stops it with one sentence; with space again the next run has every line', async (t) => {
  const cwd = workplace(t)
  const disk = join(cwd, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk])
  try {
    const lines = eventLines(20_000)
    const full = start('handle-stream', ['--roll-rows', '5000'], { cwd: disk })
    full.child.stdin?.write(`${lines.join('\n')}\n`)
    const { code, stderr } = await full.ended
    assert.equal(code, 74)
    assert.match(stderr, /^handle-stream: cannot .* the disk is full: free some space, then start again; what was read is kept \(ENOSPC\)$/m)
    assert.doesNotMatch(stderr, /\n +at /)
    execFileSync('mount', ['-o', 'remount,size=64m', disk])
    const next = await run('handle-stream', [], { cwd: disk })
    assert.equal(next.code, 0, next.stderr)
    const held = keys(await readLake(join(disk, 'lake')))
    assert.equal(new Set(held).size, held.length)
    // Whatever was read to its end is there: a prefix of the input.
    assert.deepEqual(held, expectedKeys(held.length))
    assert.ok(held.length > 1000)
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})

test('fuzz: accepted + repeated + rejected = lines in, and rolls do not change what is accepted', async (t) => {
  const chance = random(20260704)
  const pick = (below: number): number => Math.floor(chance() * below)
  const pieces = ['"', '\\', '{', '}', '[', ']', ',', ':', 'null', '\\ud83d', '\\u0000', '\0', '\xff', 'é', '1e999', '-', '0', ' ', '\t', '\r', 'did', '"x":1,', '2026', '9999']
  const sample = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'latin1').trim().split('\n')
  const mutated: string[] = []
  for (let n = 0; n < 100_000; n++) {
    let line = n % 10 === 0 ? (sample[pick(sample.length)] as string) : Buffer.from(eventLine(n)).toString('latin1')
    for (let times = pick(3); times > 0; times--) {
      const at = pick(line.length)
      const piece = pieces[pick(pieces.length)] as string
      const end = at + [0, 1, pick(20), line.length][pick(4)]!
      line = line.slice(0, at) + (chance() < 0.7 ? piece : '') + line.slice(end)
    }
    mutated.push(line)
  }
  const input = Buffer.from(mutated.join('\n'), 'latin1')
  const lines = input.toString('latin1').split('\n').filter((line) => line.replace(/\r$/, '') !== '').length
  const outcomes: unknown[] = []
  for (const rows of ['100000', '777']) {
    const cwd = workplace(t)
    const { code, stderr } = await run('handle-stream', ['--roll-rows', rows], { cwd, input })
    assert.equal(code, 0, stderr)
    const lake = await readLake(join(cwd, 'lake'))
    const rejects = readRejects(join(cwd, '.sluice'))
    const last = stderr.trim().split('\n').at(-1) ?? ''
    const repeated = Number((/([\d,]+) repeated/.exec(last)?.[1] ?? '0').replaceAll(',', ''))
    assert.equal(lake.length + rejects.length + repeated, lines)
    assert.ok(lake.length > 10_000 && rejects.length > 10_000, `${lake.length} accepted, ${rejects.length} rejected`)
    outcomes.push([
      rejects.map(({ reason, text, base64 }) => `${reason} ${text ?? base64}`).sort(),
      // The window of repetitions forgets by batches, so how often a repeated event is kept depends on the rolls.
      [...new Set(lake.map(({ did, rkey, rev, cid }) => `${did} ${rkey} ${rev ?? cid}`))].sort(),
    ])
  }
  assert.deepEqual(outcomes[1], outcomes[0])
})
