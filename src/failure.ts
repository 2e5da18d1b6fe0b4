/** sysexits(3), as far as we use it. */
export const EXIT = {
  failed: 1,
  usage: 2,
  unavailable: 69,
  internal: 70,
  io: 74,
  busy: 75,
} as const

/**
 * An expected failure: its message is one sentence for the operator, saying what was expected, what came, where,
 * and what to do next. It is printed without a stack.
 */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** The code of a system error (`ENOSPC`, …), or undefined for any other value. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** What an error says, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ').trim()
}
