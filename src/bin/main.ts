import { EXIT, Failure, messageOf } from '../failure.ts'
import type { Command, Options, Values } from '../options.ts'
import { parseOptions } from '../options.ts'

/**
 * The frame of every executable: parse, run, and turn what is thrown into one line on stderr and an exit code.
 * A reader that goes away (EPIPE on stdout, as with `| head`) ends the process quietly with code 0.
 */
export async function main<S extends Options>(
  command: Command<S>,
  run: (values: Values<S>, positionals: string[]) => Promise<number | void>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  // Whoever watches stderr may leave; the work goes on without them.
  process.stderr.on('error', () => {})
  try {
    const parsed = await parseOptions(command, argv, { env: process.env, cwd: process.cwd() })
    if (parsed.kind === 'text') {
      process.stdout.write(parsed.text)
      return
    }
    process.exitCode = (await run(parsed.values, parsed.positionals)) ?? process.exitCode ?? 0
  } catch (error) {
    fail(command.name, error)
  }
}

export function fail(name: string, error: unknown): void {
  if (error instanceof Failure) {
    process.stderr.write(`${name}: ${error.message}\n`)
    process.exitCode = error.exitCode
    return
  }
  const stack = process.env['SLUICE_DEBUG'] ? `\n${error instanceof Error ? error.stack : ''}` : ''
  process.stderr.write(`${name}: internal error: ${messageOf(error)}; run again with SLUICE_DEBUG=1 for the stack, and report it${stack}\n`)
  process.exitCode = EXIT.internal
}
