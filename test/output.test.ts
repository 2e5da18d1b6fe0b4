import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REASONS } from '../src/ingest/reasons.ts'
import { printable } from '../src/printable.ts'
import { readDocument } from './docs/blocks.ts'
import { eventLines } from './lines.ts'
import { ROOT, run, start, workplace } from './process.ts'

/** Nothing of this may reach a terminal. */
const DANGEROUS = /(?![\n])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

const input = (name: string): Buffer => readFileSync(join(ROOT, 'test/cases/ingest', name, 'input.ndjson'))

test('what strangers wrote is shown escaped, on one line', async (t) => {
  assert.equal(printable('a\u001b[2J\u202e\n\u2028é 🏳️‍🌈 नमस्‍ते\u{e0041}'), 'a\\u001b[2J\\u202e\\u000a\\u2028é 🏳️‍🌈 नमस्‍ते\\u{e0041}')
  const cwd = workplace(t)
  const made = await run('handle-stream', [], { cwd, input: Buffer.concat([input('escapes-of-strangers'), input('line-separators'), Buffer.from(eventLines(1).join('\n'))]) })
  assert.equal(made.code, 0, made.stderr)
  const rejects = await run('sluice', ['rejects'], { cwd })
  assert.match(rejects.stdout, /^ +2  not a timestamp  \(newest [^)]+\)\n +\S+ line 2: `\\u202e evil` in \{"did":"did:plc:x\\u009b31m",/m)
  assert.match(rejects.stdout, /`\\u001b\[2Jboo` in /)
  assert.match(rejects.stdout, /\\u001b\]0;pwned\\u0007/)
  assert.match(rejects.stdout, /half a line with a \\u2028 line separator/)
  // Names that strangers gave in the lake and in the models.
  writeFileSync(join(cwd, 'lake', 'x\u001b[2J\u202e\n.txt'), '')
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  const said = [rejects]
  for (const [name, args] of [['sluice', ['status']], ['sluice', ['fsck']], ['sluice', ['fsck', '--repair']], ['periodic', []], ['sluice', ['x\u001b[2J']]] as const) {
    said.push(await run(name, args, { cwd }))
  }
  for (const { stdout, stderr } of said) assert.doesNotMatch(stdout + stderr, DANGEROUS)
  assert.match(said.map(({ stdout }) => stdout).join(''), /x\\u001b\[2J\\u202e\\u000a\.txt/)
  // The rejects are sound.
  assert.equal((await run('sluice', ['fsck', '--quick'], { cwd })).code, 0)
})

test('one kind of fault has one reason, with values below it, and each reason is documented', async (t) => {
  const cwd = workplace(t)
  await run('handle-stream', [], { cwd, input: input('bad-times') })
  const { stdout } = await run('sluice', ['rejects'], { cwd })
  assert.deepEqual(stdout.split('\n').map((line) => line.slice(0, 28)), ['       40  not a timestamp  ', ...Array(3).fill(stdout.split('\n')[1]?.slice(0, 28)), ''])
  assert.match(stdout, /line 3: `Sept 1 2026 12:00:02\.1260` in \{/)
  const documented = [...readDocument('docs/operations.md').matchAll(/^\| `([^`]+)` \| .* \| .*\|$/gm)].map(([, reason]) => reason)
  for (const reason of Object.values(REASONS)) assert.ok(documented.includes(reason), `docs/operations.md does not explain \`${reason}\``)
})

test('a reader that goes away changes no exit code; a full disk is a sentence and 74', async (t) => {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'queries', 'metrics'), { recursive: true })
  writeFileSync(join(cwd, 'queries', 'metrics', 'broken.sql'), 'select nothing from events\n')
  await run('handle-stream', [], { cwd, input: [...eventLines(100), 'no event'].join('\n') })
  const commands: [name: string, args: string[], code: number][] = [
    ['sluice', ['--help'], 0], ['sluice', ['status'], 0], ['sluice', ['rejects'], 0], ['sluice', ['fsck', '--json'], 0], ['sluice', ['runs'], 0],
    ['sluice', ['check'], 1], ['sluice', ['test'], 0], ['sluice', ['compact', '--dry-run'], 0], ['sluice', ['docs'], 0], ['sluice', ['completion', 'bash'], 0],
    ['periodic', [], 1], ['periodic', ['--every', '1h'], 1], ['periodic', ['--json'], 1], ['bluesky', ['--simulate', '--events', '10'], 0], ['handle-stream', ['--help'], 0],
  ]
  for (const [name, args, code] of commands) {
    const { child, ended } = start(name, args, { cwd })
    child.stdout?.destroy()
    child.stdin?.end()
    const result = await ended
    assert.equal(result.code, code, `${name} ${args.join(' ')}: ${result.stderr}`)
    assert.doesNotMatch(result.stderr, /EPIPE|internal error/)
    if (args[0] === '--every') continue
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(join(ROOT, name), args, { cwd, stdio: ['ignore', full, 'pipe'], encoding: 'utf8' })
    closeSync(full)
    assert.equal(status, 74, `${name} ${args.join(' ')}: ${stderr}`)
    assert.match(stderr, /^[a-z -]+: cannot write to stdout: ENOSPC: [^\n]+; what was written ends there\n$/m)
  }
})
