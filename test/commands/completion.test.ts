import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/commands/all.ts'
import { kebab } from '../../src/options.ts'
import { run, workplace } from '../process.ts'

test('the script for bash completes commands, options, values and paths of every executable', async (t) => {
  const cwd = workplace(t)
  mkdirSync(join(cwd, 'a lake'))
  writeFileSync(join(cwd, 'a.ndjson'), '')
  const { stdout: script, code } = await run('sluice', ['completion', 'bash'], { cwd })
  assert.equal(code, 0)
  writeFileSync(join(cwd, 'completion.sh'), script)
  /** What is offered for the last of these words; bash splits at = too. */
  const offered = (...words: string[]): string[] => {
    const commands = `source ./completion.sh; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice "$1"; [[ \${#COMPREPLY[@]} == 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['--norc', '-c', commands, 'bash', ...words], { cwd, encoding: 'utf8' }).split('\n').filter((line) => line !== '').sort()
  }
  for (const command of COMMANDS) {
    const flags = Object.keys(command.options).map((key) => `--${kebab(key)}`)
    assert.deepEqual(offered(...command.name.split(' '), '--'), [...flags, '--help', '--version'].sort(), command.name)
  }
  assert.deepEqual(offered('./sluice', 'ch'), ['check'])
  assert.deepEqual(offered('handle-stream', '--writer', ''), ['duckdb', 'parquetjs'])
  assert.deepEqual(offered('./handle-stream', '--writer', '=', 'p'), ['parquetjs'])
  assert.deepEqual(offered('handle-stream', '--writer', '='), ['duckdb', 'parquetjs'])
  assert.deepEqual(offered('periodic', '--lake', 'a'), ['a lake'])
  assert.deepEqual(offered('bluesky', '--replay', 'a'), ['a lake', 'a.ndjson'])
  assert.deepEqual(offered('periodic', '--every', ''), [])
  assert.deepEqual(offered('sluice', 'init', ''), ['a lake'])
  assert.deepEqual(offered('sluice', 'completion', 'z'), ['zsh'])
  assert.deepEqual(offered('sluice', 'nonsense', '--'), [])
})

test('the script for zsh names every command and option; what is said of them is quoted', async (t) => {
  const cwd = workplace(t)
  const { stdout: script } = await run('sluice', ['completion'], { cwd, env: { SHELL: '/usr/bin/zsh' } })
  assert.match(script, /^#compdef bluesky handle-stream periodic sluice\n/)
  for (const { name, options } of COMMANDS) {
    const [, specs] = new RegExp(`^    \\('${name}'\\) _arguments ([^]*?) ;;$`, 'm').exec(script) ?? []
    for (const key of Object.keys(options)) assert.match(specs ?? '', new RegExp(`'--${kebab(key)}=?\\[`), `${name} --${kebab(key)}`)
  }
  // Outside of quotes nothing is left that a shell would take for more than a word.
  assert.doesNotMatch(script.replace(/'(?:[^']|'\\'')*'/g, '').split('case $command in')[1] ?? '', /[`"$<>|&!]/)
  const { code, stderr } = await run('sluice', ['completion', 'fish'], { cwd })
  assert.deepEqual([code, stderr], [2, "sluice completion: expected bash or zsh, got `fish`; see 'sluice completion --help'\n"])
})
