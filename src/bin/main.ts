import { EXIT, Failure, messageOf } from '../failure.ts'
import type { Command, Options, Values } from '../options.ts'
import { parseOptions } from '../options.ts'
import { print, stdoutFailure, tell } from './stdio.ts'

/**
 * The frame of every executable: parse, run, and turn what is thrown into one line on stderr and an exit code.
 * A reader that goes away (as with `| head`) changes nothing but that it is told no more: the exit code is the command's own.
 */
export async function main<S extends Options>(
  command: Command<S>,
  run: (values: Values<S>, positionals: string[]) => Promise<number | void>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const parsed = await parseOptions(command, argv, { env: process.env, cwd: process.cwd() })
    if (parsed.kind === 'text') print(parsed.text)
    else process.exitCode = (await run(parsed.values, parsed.positionals)) ?? process.exitCode ?? 0
  } catch (error) {
    fail(command.name, error)
  }
  await finish(command.name)
}

/** Waits until stdout has all that was printed. */
export async function finish(name: string): Promise<void> {
  const lost = await stdoutFailure()
  if (lost) fail(name, new Failure(`cannot write to stdout: ${messageOf(lost)}; what was written ends there`, EXIT.io))
}

export function fail(name: string, error: unknown): void {
  if (error instanceof Failure) {
    tell(`${name}: ${error.message}\n`)
    process.exitCode = error.exitCode
    return
  }
  const stack = process.env['SLUICE_DEBUG'] ? `\n${error instanceof Error ? error.stack : ''}` : ''
  tell(`${name}: internal error: ${messageOf(error)}; run again with SLUICE_DEBUG=1 for the stack, and report it${stack}\n`)
  process.exitCode = EXIT.internal
}
