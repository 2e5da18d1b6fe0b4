import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/commands/all.ts'
import { configText } from '../../src/commands/config.ts'
import { kebab, parseOptions } from '../../src/options.ts'
import { ROOT, run, workplace } from '../process.ts'

test('sluice init makes a directory in which the commands of its README work', async (t) => {
  const place = workplace(t)
  const made = await run('sluice', ['init', 'a/b'], { cwd: place })
  assert.deepEqual([made.code, made.stderr], [0, ''])
  const cwd = join(place, 'a', 'b')
  assert.deepEqual(readdirSync(cwd).sort(), ['README.md', 'queries', 'sluice.yaml'])
  const [, commands] = /^```sh\n([^]*?)^```/m.exec(readFileSync(join(cwd, 'README.md'), 'utf8')) ?? []
  const [first, ...rest] = (commands ?? '').trim().split('\n')
  assert.match(first ?? '', /^\S*bluesky \| \S*handle-stream$/)
  const simulated = [(first ?? '').replace('bluesky |', 'bluesky --simulate --events 500 |'), ...rest].join(' && ')
  const printed = execFileSync('sh', ['-c', simulated], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  assert.match(printed, /500 events/)
  assert.deepEqual(
    readdirSync(join(cwd, 'metrics')).sort(),
    readdirSync(join(ROOT, 'queries', 'metrics')).map((file) => file.replace('.sql', '.csv')).sort(),
  )
  const checked = await run('sluice', ['check'], { cwd })
  assert.deepEqual([checked.code, checked.stderr], [0, ''], checked.stdout)
})

test('sluice init writes over nothing, and leaves other files alone', async (t) => {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'queries'))
  writeFileSync(join(cwd, 'README.md'), 'mine')
  const refused = await run('sluice', ['init'], { cwd })
  assert.equal(refused.code, 2)
  assert.equal(refused.stderr, `sluice init: expected a directory without queries, sluice.yaml, README.md, got queries, README.md in ${cwd}; choose another directory\n`)
  assert.deepEqual(readdirSync(cwd).sort(), ['README.md', 'queries'])

  const beside = workplace(t)
  writeFileSync(join(beside, 'notes'), 'mine')
  assert.equal((await run('sluice', ['init', '.'], { cwd: beside })).code, 0)
  assert.equal(readFileSync(join(beside, 'notes'), 'utf8'), 'mine')
  const onFile = await run('sluice', ['init', 'notes'], { cwd: beside })
  assert.deepEqual([onFile.code, onFile.stderr], [2, 'sluice init: expected a directory, got the file notes\n'])
})

test('its sluice.yaml has every key of every command, and uncommented it changes nothing', async (t) => {
  const cwd = workplace(t)
  const uncommented = configText().replace(/^#(?=[a-z])/gm, '')
  const keys = [...uncommented.matchAll(/^([a-z-]+):/gm)].map(([, key]) => key as string)
  const expected = new Set(COMMANDS.flatMap(({ options }) => Object.keys(options).map(kebab)))
  assert.deepEqual(keys.toSorted(), [...expected].sort())
  assert.doesNotMatch(configText(), /^[^#\n]/m)
  const values = async (): Promise<unknown[]> => Promise.all(COMMANDS.map((command) => parseOptions(command, [], { env: {}, cwd })))
  const before = await values()
  writeFileSync(join(cwd, 'sluice.yaml'), uncommented)
  assert.deepEqual(await values(), before)
})
