import { codeOf } from '../failure.ts'
import { printableLines } from '../printable.ts'

/** Opened when first asked for: bluesky writes to the file descriptor, which the stream would make non-blocking. */
let opened = false
/** Why nothing more can be written to stdout. */
let broken: Error | undefined
let whenBroken = (): void => {}

// Without a listener, an error ends the process with a stack. Whoever watches stderr may leave; the work goes on without them.
process.stderr.on('error', () => {})

function stdout(): NodeJS.WriteStream {
  if (!opened) {
    process.stdout.on('error', (error: Error) => {
      broken ??= error
      whenBroken()
    })
  }
  opened = true
  return process.stdout
}

/** Writes to stdout. After its reader has gone away, nothing is written any more and the work goes on. */
export function print(text: string): void {
  if (!broken && text !== '') stdout().write(text)
}

/** Writes lines to stderr, with what strangers said in them escaped. */
export function tell(text: string): void {
  process.stderr.write(printableLines(text))
}

/** Writes a line to stderr; on a terminal, over the one before. */
export function tellOver(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
}

/** Calls this once stdout takes nothing any more. */
export function onStdoutGone(then: () => void): void {
  whenBroken = then
}

/** Resolves when all that was printed is written; with the error where that failed though there is a reader. */
export async function stdoutFailure(): Promise<Error | undefined> {
  if (!opened) return undefined
  if (!broken) await new Promise<void>((resolve) => void process.stdout.write('', () => resolve()))
  // Its error event comes after the callback.
  await new Promise((resolve) => setImmediate(resolve))
  return broken === undefined || codeOf(broken) === 'EPIPE' ? undefined : broken
}
