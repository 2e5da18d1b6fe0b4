import { SLUICE } from '../commands/sluice.ts'
import { nearest } from '../did-you-mean.ts'
import { EXIT, Failure } from '../failure.ts'
import { packageVersion } from '../package.ts'
import { fail, finish } from './main.ts'
import { print } from './stdio.ts'

const RUN: Record<keyof typeof SLUICE, () => Promise<{ run(argv: readonly string[]): Promise<void> }>> = {
  rejects: () => import('./sluice-rejects.ts'),
  compact: () => import('./sluice-compact.ts'),
  test: () => import('./sluice-test.ts'),
  status: () => import('./sluice-status.ts'),
  runs: () => import('./sluice-runs.ts'),
  docs: () => import('./sluice-docs.ts'),
  views: () => import('./sluice-views.ts'),
  upgrade: () => import('./sluice-upgrade.ts'),
  fsck: () => import('./sluice-fsck.ts'),
  check: () => import('./sluice-check.ts'),
  init: () => import('./sluice-init.ts'),
  completion: () => import('./sluice-completion.ts'),
}

const [first = '--help', ...rest] = process.argv.slice(2)
// `sluice help fsck` is `sluice fsck --help`.
const [name = '', ...args] = first === 'help' && rest.length > 0 ? [...rest, '--help'] : [first, ...rest]
if (isCommand(name)) await (await RUN[name]()).run(args)
else if (['--help', '-h', 'help'].includes(name)) print(help())
else if (name === '--version') print(`sluice ${packageVersion()}\n`)
else fail('sluice', unknown(name))
if (!isCommand(name)) await finish('sluice')

function isCommand(name: string): name is keyof typeof SLUICE {
  return Object.hasOwn(SLUICE, name)
}

function help(): string {
  const commands = Object.entries(SLUICE).map(([name, { brief }]) => `  ${name.padEnd(12)}${brief}\n`)
  return `Usage: sluice COMMAND [options]\n\nLooks after a lake: for operators.\n\nCommands:\n${commands.join('')}\nSee 'sluice COMMAND --help'.\n`
}

function unknown(name: string): Failure {
  const names = Object.keys(SLUICE)
  const close = nearest(name, names)
  const meant = close === undefined ? '' : ` (did you mean \`${close}\`?)`
  return new Failure(`expected one of ${names.join(', ')}, got \`${name}\`${meant}; see 'sluice --help'`, EXIT.usage)
}
