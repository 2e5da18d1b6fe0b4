import { EXIT, Failure } from '../failure.ts'
import { fail } from './main.ts'

interface CommandModule {
  summary: string
  run(argv: readonly string[]): Promise<void>
}

const COMMANDS: Record<string, () => Promise<CommandModule>> = {
  rejects: () => import('./sluice-rejects.ts'),
  compact: () => import('./sluice-compact.ts'),
  test: () => import('./sluice-test.ts'),
  status: () => import('./sluice-status.ts'),
  runs: () => import('./sluice-runs.ts'),
  docs: () => import('./sluice-docs.ts'),
  fsck: () => import('./sluice-fsck.ts'),
  check: () => import('./sluice-check.ts'),
}

const [name = '--help', ...rest] = process.argv.slice(2)
const load = COMMANDS[name]
if (load) await (await load()).run(rest)
else if (name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(`Usage: sluice COMMAND [options]\n\nLooks after a lake: for operators.\n\nCommands:\n`)
  for (const [command, module] of Object.entries(COMMANDS)) process.stdout.write(`  ${command.padEnd(10)}${(await module()).summary}\n`)
  process.stdout.write(`\nSee 'sluice COMMAND --help'.\n`)
} else {
  fail('sluice', new Failure(`expected one of ${Object.keys(COMMANDS).join(', ')}, got \`${name}\`; see 'sluice --help'`, EXIT.usage))
}
