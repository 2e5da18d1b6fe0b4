import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readLake } from './lake.ts'
import { ROOT, workplace } from './process.ts'

/** README and docs/*.md, as paths relative to the root. */
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

/** Blocks of a fenced language in a document: their text, and where it begins. */
function blocks(document: string, language: string): { text: string; at: number }[] {
  const page = readFileSync(join(ROOT, document), 'utf8')
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map((match) => ({
    text: match[1] as string,
    at: match.index + match[0].indexOf('\n') + 1,
  }))
}

test('each --help block of README and docs is what the executable prints; UPDATE_DOCS=1 writes them anew', (t) => {
  const cwd = workplace(t)
  const documented: string[] = []
  for (const document of DOCUMENTS) {
    for (const { text, at } of blocks(document, 'console').reverse()) {
      const command = /^\$ \.\/(.* --help)\n/.exec(text)?.[1]?.split(' ')
      assert.ok(command, `${document}: expected a block that begins with $ ./… --help, got ${text}`)
      const [name = '', ...args] = command
      const { stdout, stderr, status } = spawnSync(join(ROOT, name), args, { cwd, encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      const real = `$ ./${command.join(' ')}\n${stdout.trimEnd()}\n`
      documented.push(command.join(' '))
      if (process.env['UPDATE_DOCS']) {
        const page = readFileSync(join(ROOT, document), 'utf8')
        writeFileSync(join(ROOT, document), page.slice(0, at) + real + page.slice(at + text.length))
      } else assert.equal(text, real, `${document}; UPDATE_DOCS=1 writes it anew`)
    }
  }
  const commands = spawnSync(join(ROOT, 'sluice'), ['--help'], { cwd, encoding: 'utf8' }).stdout.matchAll(/^ {2}([a-z]+) /gm)
  for (const name of ['bluesky', 'handle-stream', 'periodic', ...[...commands].map(([, command]) => `sluice ${command}`)]) {
    assert.ok(documented.includes(`${name} --help`), `README or docs show ./${name} --help`)
  }
})

test("the README's first command, on a fresh clone, in a shell of its own", async (t) => {
  const cwd = workplace(t)
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  for (const file of files.split('\0').filter((name) => name !== '' && !name.startsWith('test/'))) {
    mkdirSync(dirname(join(cwd, file)), { recursive: true })
    cpSync(join(ROOT, file), join(cwd, file))
  }
  const [command] = blocks('README.md', 'sh').map(({ text }) => text.trim())
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
  assert.match(readFileSync(join(ROOT, 'README.md'), 'utf8'), /Run the tests, all of them: `npm cit`/)
  const lines = readFileSync(join(ROOT, '.ci', 'run'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines, ['set -euo pipefail', 'cd "$(dirname "$0")/.."', 'npm cit'])
})
