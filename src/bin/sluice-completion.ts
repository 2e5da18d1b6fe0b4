import { basename } from 'node:path'
import { completionScript } from '../commands/completion.ts'
import { SLUICE } from '../commands/sluice.ts'
import { EXIT, Failure } from '../failure.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.completion,
    async (_, [shell = basename(process.env['SHELL'] ?? '')]) => {
      if (shell !== 'bash' && shell !== 'zsh') throw new Failure(`expected bash or zsh, got \`${shell}\`; see 'sluice completion --help'`, EXIT.usage)
      print(completionScript(shell))
    },
    argv,
  )
}
