import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readLake } from './lake.ts'
import { ROOT, workplace } from './process.ts'

const README = join(ROOT, 'README.md')

/** Blocks of a fenced language: their text, and where it begins. */
function blocks(language: string): { text: string; at: number }[] {
  const readme = readFileSync(README, 'utf8')
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map((match) => ({
    text: match[1] as string,
    at: match.index + match[0].indexOf('\n') + 1,
  }))
}

test('each --help block of the README is what the executable prints; UPDATE_README=1 writes them anew', (t) => {
  const cwd = workplace(t)
  const shown = blocks('console').reverse()
  for (const { text, at } of shown) {
    const command = /^\$ \.\/(.*)\n/.exec(text)?.[1]?.split(' ')
    assert.ok(command, `expected a block that begins with $ ./…, got ${text}`)
    const [name = '', ...args] = command
    const { stdout, stderr, status } = spawnSync(join(ROOT, name), args, { cwd, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const real = `$ ./${command.join(' ')}\n${stdout.trimEnd()}\n`
    if (process.env['UPDATE_README']) {
      const readme = readFileSync(README, 'utf8')
      writeFileSync(README, readme.slice(0, at) + real + readme.slice(at + text.length))
    } else assert.equal(text, real)
  }
  const documented = shown.map(({ text }) => text.split('\n')[0])
  const commands = spawnSync(join(ROOT, 'sluice'), ['--help'], { cwd, encoding: 'utf8' }).stdout.matchAll(/^ {2}([a-z]+) /gm)
  for (const name of ['bluesky', 'handle-stream', 'periodic', ...[...commands].map(([, command]) => `sluice ${command}`)]) {
    assert.ok(documented.includes(`$ ./${name} --help`), `the README shows ./${name} --help`)
  }
})

test("the README's first command, on a fresh clone, in a shell of its own", async (t) => {
  const cwd = workplace(t)
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  for (const file of files.split('\0').filter((name) => name !== '' && !name.startsWith('test/'))) {
    mkdirSync(dirname(join(cwd, file)), { recursive: true })
    cpSync(join(ROOT, file), join(cwd, file))
  }
  const [command] = blocks('sh').map(({ text }) => text.trim())
  assert.equal(command, './bluesky --simulate --for 30s | ./handle-stream && ./periodic')
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8', env: { ...process.env, COLUMNS: '120', LINES: '40' } })
  assert.equal(status, 0, stderr)
  // Both sides of the pipe start together, and one of them installs.
  assert.equal(stderr.match(/installing packages/g)?.length, 1, stderr)
  const rows = await readLake(join(cwd, 'lake'))
  assert.ok(rows.length > 10_000, `${rows.length} events`)
  const metrics = readdirSync(join(cwd, 'metrics')).sort()
  assert.deepEqual(metrics, readdirSync(join(ROOT, 'queries', 'metrics')).map((file) => file.replace('.sql', '.csv')).sort())
  for (const file of metrics) assert.match(stdout, new RegExp(`^${file.replace('.csv', '')} `, 'm'))
})

test("the README's test command is what CI runs", () => {
  assert.match(readFileSync(README, 'utf8'), /Run the tests, all of them: `npm cit`/)
  const lines = readFileSync(join(ROOT, '.ci', 'run'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines, ['set -euo pipefail', 'cd "$(dirname "$0")/.."', 'npm cit'])
})
