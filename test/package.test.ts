import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { ROOT, workplace } from './process.ts'

test('the tarball of npm pack, installed, has all that the executables need and nothing that builds them', (t) => {
  const place = workplace(t)
  const run = (command: string, args: string[], cwd: string, env: Record<string, string | undefined> = process.env): string =>
    execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  // It builds first, as npm does for whoever publishes; what is built is what is tested here already.
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', place], ROOT)) as { filename: string; files: { path: string }[] }[]
  const files = packed?.files.map(({ path }) => path) ?? []
  for (const file of ['LICENSE', 'NOTICES', 'README.md', 'docs/cli.md', 'dist/packed/bin/periodic.js', 'queries/metrics/likes-per-minutes.sql']) {
    assert.ok(files.includes(file), `${file} is in the package`)
  }
  assert.deepEqual(files.filter((file) => /\.ts$|^(test|bench|\.)/.test(file)), [])

  const prefix = join(place, 'prefix')
  run('npm', ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', join(place, packed?.filename ?? '')], place)
  const installed = readdirSync(join(prefix, 'lib', 'node_modules', 'sluice', 'node_modules'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(@[^/]+\/)?[^/]+\/package\.json$/.test(file))
  assert.ok(installed.length <= 12, `${installed.length} packages: ${installed.join(' ')}`)

  // Whatever would want the registry from here on fails.
  const env = { ...process.env, PATH: `${join(prefix, 'bin')}${delimiter}${process.env['PATH']}`, npm_config_offline: 'true', npm_config_registry: 'http://127.0.0.1:9/' }
  run('sluice', ['init', 'mine'], place, env)
  const cwd = join(place, 'mine')
  assert.match(readFileSync(join(cwd, 'README.md'), 'utf8'), /^bluesky \| handle-stream$/m)
  const printed = run('sh', ['-c', 'bluesky --simulate --events 1000 | handle-stream && periodic && sluice check && sluice fsck && sluice --version'], cwd, env)
  assert.match(printed, /1,000 events/)
  assert.match(printed, /^sluice \d+\.\d+\.\d+$/m)
  assert.equal(readFileSync(join(cwd, 'metrics', 'likes-per-minutes.csv'), 'utf8').trimEnd().split('\n').length, 2)
  const parquetjs = execFileSync('handle-stream', ['--writer', 'parquetjs', '--lake', 'other', '--state', '.other'], { cwd, env, input: '', encoding: 'utf8', stdio: 'pipe' })
  assert.equal(parquetjs, '')
})
