import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { openDisk } from '../../src/lake/disk.ts'
import type { Evidence } from '../../src/lake/open.ts'
import { judgeLake } from '../../src/lake/open.ts'
import { readSeal, seal } from '../../src/lake/seal.ts'
import { meanwhile } from '../faults/scenarios.ts'
import { readLake, tree } from '../lake.ts'
import { eventLines } from '../lines.ts'
import type { Result } from '../process.ts'
import { run, workplace } from '../process.ts'

const input = (count: number, offset = 0): string => eventLines(count, offset).map((line) => `${line}\n`).join('')

async function well(name: string, args: readonly string[], options: { cwd: string; input?: string; env?: Record<string, string> }): Promise<Result> {
  const result = await run(name, args, options)
  assert.equal(result.code, 0, `${name} ${args.join(' ')}: ${result.stdout}${result.stderr}`)
  return result
}

const identity = (state: string): { id: string; format: number; held?: true } => JSON.parse(readFileSync(join(state, 'lake.json'), 'utf8'))

async function ids(lake: string): Promise<(string | undefined)[]> {
  return Promise.all(tree(lake).map(async (path) => (await readSeal(join(lake, path)))?.lake))
}

/** All that reads or writes a lake. */
const ALL = [
  ['handle-stream'], ['periodic'], ['bluesky'], ['sluice', 'status'], ['sluice', 'compact'], ['sluice', 'compact', '--dry-run'], ['sluice', 'test'],
  ['sluice', 'docs'], ['sluice', 'rejects', '--replay'],
]
const FEW = [['handle-stream'], ['periodic'], ['sluice', 'status']]

/** What they say where they must not. */
async function refused(cwd: string, expected: RegExp, { args = [], by = ALL }: { args?: readonly string[]; by?: string[][] } = {}): Promise<void> {
  for (const [name = '', ...rest] of by) {
    const { code, stderr, stdout } = await run(name, [...rest, ...args], { cwd, input: input(10) })
    const what = `${[name, ...rest].join(' ')}: ${stdout}${stderr}`
    assert.equal(code, 74, what)
    assert.match(stderr, expected, what)
    assert.equal(stderr.trimEnd().split('\n').length, 1, what)
  }
}

/** A lake with a metric, and a log that a killed writer left. */
async function lakeWithLog(cwd: string): Promise<void> {
  mkdirSync(join(cwd, 'queries/metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries/metrics/count.sql'), '/*\ndescription: Events\ngrain: one row\ncolumns: {n: {type: bigint, description: events}}\n*/\nselect count(*) as n from events\n')
  await well('handle-stream', [], { cwd, input: input(100) })
  await well('periodic', [], { cwd })
  const killed = await run('handle-stream', [], { cwd, input: input(10, 100), env: { SLUICE_FAULT: 'kill@before:commit.rename#1' } })
  assert.equal(killed.signal, 'SIGKILL')
}

/** State and metrics as they are, but for locks and what was staged. */
function kept(cwd: string): string[] {
  return ['.sluice', 'metrics'].flatMap((directory) =>
    tree(join(cwd, directory)).filter((path) => !/lock$|^(runs|staging|quarantine)\//.test(path)).map((path) => `${directory}/${path} ${statSync(join(cwd, directory, path)).mtimeMs}`))
}

test('a lake that has vanished is an error of whoever asks: nothing is published, taken in or begun anew', async (t) => {
  const cwd = workplace(t)
  await lakeWithLog(cwd)
  const before = kept(cwd)
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n100\n')
  renameSync(join(cwd, 'lake'), join(cwd, 'renamed'))
  await refused(cwd, /: expected lake to be the lake that \.sluice belongs to and that has held events, got no such directory; mount it, or name the right one by --lake; /)
  assert.equal(existsSync(join(cwd, 'lake')), false)
  mkdirSync(join(cwd, 'lake/date=2026-07-04/hour=14/0'), { recursive: true })
  writeFileSync(join(cwd, 'lake/README'), '')
  await refused(cwd, /got a directory without any of its files; /, { by: FEW })
  for (const args of [['fsck'], ['fsck', '--repair']]) {
    const { code, stdout } = await run('sluice', args, { cwd })
    assert.equal(code, 1)
    assert.match(stdout, /^error    lake: none of its files is there, though the state knows of events in it; mount it/m)
  }
  assert.deepEqual(tree(join(cwd, 'lake')), ['README'])
  assert.deepEqual(kept(cwd), before)

  // A typo beside production.
  await refused(cwd, /expected test to be the lake that/, { args: ['--lake', 'test'], by: FEW })
  assert.equal(existsSync(join(cwd, 'test')), false)

  rmSync(join(cwd, 'lake'), { recursive: true })
  renameSync(join(cwd, 'renamed'), join(cwd, 'lake'))
  await well('periodic', [], { cwd })
  assert.equal(readFileSync(join(cwd, 'metrics/count.csv'), 'utf8'), 'n\n110\n', 'the log has waited for its lake')
})

test('another lake is refused, whatever is in the log; files that somebody put beside ours do not make it another', async (t) => {
  const cwd = workplace(t)
  await lakeWithLog(cwd)
  await well('handle-stream', ['--lake', 'other', '--state', 'state'], { cwd, input: input(50) })
  const before = [...kept(cwd), ...tree(join(cwd, 'other'))]
  await refused(cwd, /: expected other to be the lake that \.sluice belongs to, got files of another lake \([0-9a-f-]{36}\); name the right one by --lake, or the state of other by --state$/m, { args: ['--lake', 'other'] })
  const { code } = await run('sluice', ['fsck', '--repair', '--lake', 'other'], { cwd })
  assert.equal(code, 74)
  assert.deepEqual([...kept(cwd), ...tree(join(cwd, 'other'))], before)

  // Both the newest and the oldest are strange.
  const [file = ''] = tree(join(cwd, 'other'))
  for (const date of ['2026-07-01', '2026-07-09']) {
    const to = join(cwd, 'lake', file.replace('2026-07-04', date))
    mkdirSync(dirname(to), { recursive: true })
    cpSync(join(cwd, 'other', file), to)
  }
  await well('sluice', ['status'], { cwd })
  await well('handle-stream', [], { cwd })
  assert.equal((await readLake(join(cwd, 'lake')).catch(() => [])).length, 0, 'those files lie in the wrong hour')
  const { stdout } = await run('sluice', ['fsck'], { cwd })
  assert.match(stdout, /^warning  lake: 2 files of another lake, the first of them date=2026-07-01\/.*$/m)
})

test('a lake has one id, however many begin it at once, and a state that is lost or a second one learns it', async (t) => {
  const cwd = workplace(t)
  const lake = join(cwd, 'lake')
  await Promise.all(Array.from({ length: 5 }, (_, n) => well('handle-stream', [], { cwd, input: input(20, n * 20) })))
  const { id } = identity(join(cwd, '.sluice'))
  assert.deepEqual(identity(join(cwd, '.sluice')), { id, format: 2, held: true })
  assert.deepEqual(new Set(await ids(lake)), new Set([id]))
  await well('handle-stream', ['--state', 'second'], { cwd, input: input(20, 100) })
  rmSync(join(cwd, '.sluice'), { recursive: true })
  mkdirSync(join(cwd, 'queries'))
  await well('periodic', [], { cwd })
  for (const state of ['second', '.sluice']) assert.deepEqual(identity(join(cwd, state)), { id, format: 2, held: true })
  assert.deepEqual(new Set(await ids(lake)), new Set([id]))
  assert.equal((await readLake(lake)).length, 120)
})

test('what a newer version wrote is refused by all, in the state and in the lake', async (t) => {
  const cwd = workplace(t)
  await well('handle-stream', [], { cwd, input: input(20) })
  mkdirSync(join(cwd, 'queries'))
  const path = join(cwd, '.sluice/lake.json')
  const known = identity(join(cwd, '.sluice'))
  writeFileSync(path, JSON.stringify({ ...known, format: 3 }))
  await refused(cwd, /: expected format 2 or older, got format 3 in \.sluice\/lake\.json, which a newer version of Sluice wrote; use that version$/m, { by: FEW })
  writeFileSync(path, JSON.stringify(known))
  await well('sluice', ['status'], { cwd })
  const [file = ''] = tree(join(cwd, 'lake'))
  const newer = join(cwd, 'lake', file.replace(/\d{8}\.parquet$/, '00000009.parquet'))
  cpSync(join(cwd, 'lake', file), newer)
  await seal(openDisk(), newer, { lake: known.id, format: 3, step: 'commit.seal' })
  await refused(cwd, /: expected format 2 or older, got format 3 in lake\/date=2026-07-04\/hour=14\/0\/.*-00000009\.parquet, which a newer version/, { by: FEW })
  assert.equal((await run('sluice', ['fsck', '--repair'], { cwd })).code, 74)
  writeFileSync(path, '{"id"')
  const { code, stderr } = await run('handle-stream', [], { cwd })
  assert.equal(code, 74)
  assert.match(stderr, /^handle-stream: expected \.sluice\/lake\.json to say which lake this state belongs to, got: /)
})

test('a lake all of whose files had to be moved away may begin anew', async (t) => {
  const cwd = workplace(t)
  await well('handle-stream', [], { cwd, input: input(20) })
  const [file = ''] = tree(join(cwd, 'lake'))
  writeFileSync(join(cwd, 'lake', file), 'torn')
  await run('sluice', ['fsck', '--repair'], { cwd })
  assert.equal(identity(join(cwd, '.sluice')).held, undefined)
  await well('handle-stream', [], { cwd, input: input(20) })
  assert.equal((await readLake(join(cwd, 'lake'))).length, 20)
  assert.equal(readdirSync(join(cwd, '.sluice')).includes('quarantine'), true)
})

test('a lake that goes away under a writer is no other lake', async (t) => {
  const cwd = workplace(t)
  await well('handle-stream', [], { cwd, input: input(20) })
  const act = async (): Promise<void> => renameSync(join(cwd, 'lake'), join(cwd, 'renamed'))
  const { code, stderr } = await meanwhile(['handle-stream'], cwd, { stop: 'before:stage.template#1', input: input(10, 20), act })
  assert.equal(code, 74)
  assert.match(stderr, /^handle-stream: expected the lake lake, got no such directory any more; mount it, or put it back, then start again: what was read is kept in the log$/m)
  assert.equal(existsSync(join(cwd, 'lake')), false)
  renameSync(join(cwd, 'renamed'), join(cwd, 'lake'))
  await well('handle-stream', [], { cwd })
  assert.equal((await readLake(join(cwd, 'lake'))).length, 30)
})

test('who belongs to whom, from what state and lake say', () => {
  const file = (lake: string, format = 2) => ({ lake, format, hash: '' })
  const known = (held?: true): Evidence['identity'] => ({ id: 'a', format: 2, ...(held ? { held } : {}) })
  const judge = (facts: Partial<Evidence>, ...seals: Evidence['seals'] extends ReadonlyMap<string, infer S> ? S[] : never): unknown => {
    const found = judgeLake({ identity: undefined, earlier: false, logs: false, directory: true, seals: new Map(seals.map((seal, n) => [`f${n}`, seal])), ...facts })
    return 'id' in found ? [found.kind, found.id] : [found.kind]
  }
  assert.deepEqual(judge({}), ['ours', undefined], 'the first start')
  assert.deepEqual(judge({ logs: true }), ['ours', undefined], 'killed before the first commit')
  assert.deepEqual(judge({ identity: known() }), ['ours', 'a'])
  assert.deepEqual(judge({ identity: known(), logs: true }), ['ours', 'a'])
  assert.deepEqual(judge({ identity: known(true) }), ['vanished'])
  assert.deepEqual(judge({ earlier: true }), ['vanished'], 'of an earlier version')
  assert.deepEqual(judge({ earlier: true }, undefined), ['ours', undefined], 'an old lake')
  assert.deepEqual(judge({ identity: known(true) }, undefined), ['ours', 'a'])
  assert.deepEqual(judge({}, file('b')), ['ours', 'b'], 'a second state')
  assert.deepEqual(judge({ identity: known() }, file('b')), ['ours', 'b'], 'begun at the same moment')
  assert.deepEqual(judge({ identity: known(), logs: true }, file('b')), ['foreign', 'b'])
  assert.deepEqual(judge({ identity: known(true) }, undefined, file('b')), ['foreign', 'b'])
  assert.deepEqual(judge({ identity: known(true) }, file('b'), file('a')), ['ours', 'a'])
  assert.deepEqual(judge({ identity: known(true) }, file('a'), file('a', 3)), ['newer'])
})
