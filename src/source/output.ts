import { write } from 'node:fs'
import { codeOf } from '../failure.ts'

/** Where lines go. */
export interface Output {
  /** Settles when the reader has taken all bytes, which is the backpressure. They must stay as they are until then. */
  write: (bytes: Uint8Array) => Promise<void>
}

/** How long to wait for room in a pipe that someone else has made non-blocking. */
const RETRY_MS = 2

/**
 * Writes to a file descriptor on a thread of the pool, so a reader that is slow never blocks this one: signals are
 * heard, the socket is read, the next lines are made meanwhile. (The stream that Node opens on a pipe writes synchronously.)
 */
export function createOutput(fd: number): Output {
  const writeFrom = (bytes: Uint8Array, from: number, resolve: () => void, reject: (error: Error) => void): void => {
    write(fd, bytes, from, bytes.length - from, null, (error, written) => {
      if (error && codeOf(error) === 'EAGAIN') setTimeout(() => writeFrom(bytes, from, resolve, reject), RETRY_MS)
      else if (error) reject(error)
      else if (from + written < bytes.length) writeFrom(bytes, from + written, resolve, reject)
      else resolve()
    })
  }
  return {
    write: (bytes) => new Promise((resolve, reject) => (bytes.length === 0 ? resolve() : writeFrom(bytes, 0, resolve, reject))),
  }
}
