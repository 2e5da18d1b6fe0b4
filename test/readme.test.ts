import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { clone } from './clone.ts'
import { blocksOf, readDocument } from './docs/blocks.ts'
import { readLake } from './lake.ts'
import { ROOT, workplace } from './process.ts'

/** Of what periodic prints: how much there was, the head of its table, and which models. */
function outline(printed: string): (string | undefined)[] {
  const [lake = '', head = '', ...rows] = printed.trimEnd().split('\n')
  return [/[\d,]+ events/.exec(lake)?.[0], ...head.trim().split(/ {2,}/), ...rows.map((row) => row.split(' ', 1)[0])]
}

test("the README's first command, on a fresh clone, in a shell of its own", async (t) => {
  const cwd = workplace(t)
  await clone(cwd)
  const [command] = blocksOf('README.md').filter(({ language }) => language === 'sh').map(({ text }) => text.trim())
  assert.equal(command, './bluesky --simulate --for 30s | ./handle-stream && ./periodic')
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8', env: { ...process.env, COLUMNS: '120', LINES: '40' } })
  assert.equal(status, 0, stderr)
  // Both sides of the pipe start together, and one of them installs.
  assert.equal(stderr.match(/installing packages/g)?.length, 1, stderr)
  // What a first use installs is enough for the scripts.
  const bench = spawnSync('npm', ['run', '--silent', 'bench', '--', '--help'], { cwd, encoding: 'utf8' })
  assert.equal(bench.status, 0, bench.stdout + bench.stderr)
  const rows = await readLake(join(cwd, 'lake'))
  assert.ok(rows.length > 10_000, `${rows.length} events`)
  const metrics = readdirSync(join(cwd, 'metrics')).sort()
  assert.deepEqual(metrics, readdirSync(join(ROOT, 'queries', 'metrics')).map((file) => file.replace('.sql', '.csv')).sort())
  for (const file of metrics) assert.match(stdout, new RegExp(`^${file.replace('.csv', '')} `, 'm'))
  // What the README shows of it, but for times and what they change.
  const shown = blocksOf('README.md').find(({ text }) => text.startsWith('lake: '))?.text ?? ''
  assert.deepEqual(outline(stdout), outline(shown))
})

test("the README's test command is what CI runs", () => {
  assert.match(readDocument('README.md'), /Run the tests, all of them: `npm cit`/)
  const lines = readFileSync(join(ROOT, '.ci', 'run'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines, ['set -euo pipefail', 'cd "$(dirname "$0")/.."', 'npm cit'])
})
