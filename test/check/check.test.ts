import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Result } from '../process.ts'
import { ROOT, run, workplace } from '../process.ts'

/** A case: queries/ and expected.txt, all that `sluice check` prints of them; it is 0 where nothing is found. */
const CASES = join(ROOT, 'test', 'cases', 'check')

for (const name of readdirSync(CASES).sort()) {
  test(`sluice check: ${name}`, async () => {
    const cwd = join(CASES, name)
    const before = fingerprint(cwd)
    const { code, stdout, stderr } = await check(cwd)
    assert.equal(stdout, readFileSync(join(cwd, 'expected.txt'), 'utf8'))
    assert.deepEqual([code, stderr], [/^nothing found$/m.test(stdout) ? 0 : 1, ''])
    assert.deepEqual(fingerprint(cwd), before)
  })
}

test('nothing is found in the shipped queries', async (t) => {
  const cwd = workplace(t)
  const { code, stdout } = await check(cwd, ['--queries', join(ROOT, 'queries')])
  assert.match(stdout, /^documented: (\d+) of \1 models, (\d+) of \2 columns\nnothing found\n$/)
  assert.equal(code, 0)
})

test('it works where nothing can be written, and --fix says so there', (t) => {
  const cwd = workplace(t)
  cpSync(join(CASES, 'format'), cwd, { recursive: true })
  const before = fingerprint(cwd)
  for (const path of ['', ...readdirSync(cwd, { recursive: true, encoding: 'utf8' })]) {
    chmodSync(join(cwd, path), lstatSync(join(cwd, path)).isDirectory() ? 0o555 : 0o444)
  }
  t.after(() => spawnSync('chmod', ['-R', 'u+w', cwd]))
  // Nobody, since for root everything can be written.
  const [command = '', ...args] = [...(process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []), join(ROOT, 'sluice'), 'check']
  const plain = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(plain.stdout, readFileSync(join(CASES, 'format', 'expected.txt'), 'utf8'))
  assert.deepEqual([plain.status, plain.stderr], [1, ''])
  const fix = spawnSync(command, [...args, '--fix'], { cwd, encoding: 'utf8' })
  assert.equal(fix.stderr, 'sluice check: cannot write queries/staging/end.sql (EACCES); make it writable, or run without --fix\n')
  assert.equal(fix.status, 74)
  assert.deepEqual(contents(cwd), contents(join(CASES, 'format')))
  assert.deepEqual(Object.keys(fingerprint(cwd)), Object.keys(before))
})

test('--fix formats, once, and writes nothing else', async (t) => {
  const cwd = workplace(t)
  cpSync(join(CASES, 'format'), cwd, { recursive: true })
  const before = fingerprint(cwd)
  chmodSync(join(cwd, 'queries/staging/likes.sql'), 0o640)
  const first = await check(cwd, ['--fix'])
  assert.deepEqual(first.stdout.split('\n').slice(0, 2).sort(), ['formatted queries/staging/end.sql', 'formatted queries/staging/likes.sql'])
  assert.match(first.stdout, /\nnot formatted: queries\/staging\/strange\.sql: .*\n.*\nnothing found\n$/)
  assert.deepEqual([first.code, first.stderr], [0, ''])
  const after = fingerprint(cwd)
  const changed = Object.keys(after).filter((path) => after[path] !== before[path])
  assert.deepEqual(changed, ['queries/staging/end.sql', 'queries/staging/likes.sql'])
  const text = readFileSync(join(cwd, 'queries/staging/likes.sql'), 'utf8')
  assert.match(text, /^\/\*\ndescription: Likes\n[^]*\*\/\nselect\n {2}did, -- who\n {2}event_time\nfrom events\n/)
  assert.equal(lstatSync(join(cwd, 'queries/staging/likes.sql')).mode & 0o777, 0o640)
  const second = await check(cwd, ['--fix'])
  assert.doesNotMatch(second.stdout, /^formatted/m)
  assert.deepEqual(fingerprint(cwd), after)
})

test('--select checks only what it means, and binds what that needs', async () => {
  const cwd = join(CASES, 'accumulating')
  const kept = await check(cwd, ['--select', 'kept'])
  assert.match(kept.stdout, /^queries\/staging\/old-likes\.sql:10: .*got old;.*\n(.*\n)*documented: 1 of 1 models, 2 of 2 columns\nfound 2 in 1 file\n$/)
  const fine = await check(cwd, ['--select', 'queries/staging,computed-anew'])
  assert.deepEqual([fine.code, fine.stdout], [0, 'documented: 4 of 4 models, 8 of 8 columns\nnothing found\n'])
  const typo = await check(cwd, ['--select', 'keptt'])
  assert.equal(typo.code, 2)
  assert.match(typo.stderr, /^sluice check: expected --select to name models .*; did you mean `kept`\?\n$/)
})

test('--json prints one object per finding and one for the summary', async () => {
  const { code, stdout } = await check(join(CASES, 'broken-macros'), ['--json'])
  assert.deepEqual(stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown), [
    {
      file: 'queries/macros.sql', line: 2, message: 'Parser Error: syntax error at or near "AS"',
      excerpt: `LINE 2: CREATE MACRO half(x AS x / 2;\n${' '.repeat(28)}^`,
    },
    { found: 1, documented: { models: { documented: 1, all: 1 }, columns: { documented: 2, all: 2 } }, fixed: [], unformatted: [] },
  ])
  assert.equal(code, 1)
})

test('without models it says where it looked', async (t) => {
  const { code, stderr } = await check(workplace(t))
  assert.equal(stderr, 'sluice check: expected the models in queries, got no such directory; run in the directory that holds it or give another one by --queries\n')
  assert.equal(code, 2)
})

function check(cwd: string, args: readonly string[] = []): Promise<Result> {
  return run('sluice', ['check', ...args], { cwd })
}

/** Whatever would show that something was written: contents, times, inodes, of directories too. */
function fingerprint(directory: string): Record<string, string> {
  return Object.fromEntries(['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].sort().map((path) => {
    const { ino, size, mtimeMs, ctimeMs } = lstatSync(join(directory, path))
    return [path, [ino, size, mtimeMs, path === 'queries/staging/likes.sql' ? '' : ctimeMs, contents(directory)[path] ?? ''].join(' ')]
  }))
}

function contents(directory: string): Record<string, string> {
  const paths = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort() : []
  return Object.fromEntries(paths.flatMap((path) => (lstatSync(join(directory, path)).isFile() ? [[path, readFileSync(join(directory, path), 'utf8')]] : [])))
}
