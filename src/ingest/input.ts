import { fstatSync, read } from 'node:fs'
import type { ConnectOpts, SocketConstructorOpts } from 'node:net'
import { Socket } from 'node:net'
import { promisify } from 'node:util'
import { EXIT, Failure, messageOf } from '../failure.ts'

/** Bytes that come in, in order. A chunk holds until the next is asked for. */
export interface Input extends AsyncIterable<Buffer> {
  /** Reads no more: the chunks end after what was read already, or fail at once with this error. */
  stop(error?: unknown): void
}

/** Bytes read at once. A pipe of Linux holds 64 KiB. */
const CHUNK = 1 << 18

/**
 * What a file descriptor gives, read into the same few buffers again and again. A stream of Node takes new memory for each chunk, outside
 * of V8, which collects it late: 9 to 46 MB that come and go.
 */
export function openInput(fd: number): Input {
  const kind = fstatSync(fd)
  return kind.isFIFO() || kind.isSocket() ? pipeInput(fd) : fileInput(fd)
}

function fileInput(fd: number): Input {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  const readInto = promisify(read)
  let stopped = false
  let failure: unknown
  return {
    async *[Symbol.asyncIterator]() {
      while (!stopped) {
        const { bytesRead } = await readInto(fd, buffer, 0, CHUNK, null).catch((error: unknown) => {
          throw unreadable(error)
        })
        if (failure !== undefined) throw failure
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
      }
      if (failure !== undefined) throw failure
    },
    stop(error) {
      stopped = true
      failure ??= error
    },
  }
}

/** Not read as a file is: what waits in a blocking read cannot be stopped. */
function pipeInput(fd: number): Input {
  const filled: Buffer[] = []
  const free: Buffer[] = []
  let ended = false
  let failure: unknown
  let wake = (): void => {}

  const options: SocketConstructorOpts & ConnectOpts = {
    fd,
    writable: false,
    onread: {
      // Asked for after each chunk: the one before may still be in use.
      buffer: () => free.pop() ?? Buffer.allocUnsafeSlow(CHUNK),
      callback(bytes, buffer) {
        filled.push(Buffer.from(buffer.buffer as ArrayBuffer, 0, bytes))
        wake()
        // Not to be read further until it is asked to.
        return false
      },
    },
  }
  /** Opened when first asked: a socket reads at once, and what was read must have a log to go to. */
  let socket: Socket | undefined

  function open(): Socket {
    return new Socket(options).on('error', (error) => end(unreadable(error))).on('end', () => end()).on('close', () => end())
  }

  function end(error?: unknown): void {
    ended = true
    failure ??= error
    wake()
  }

  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = filled.shift()
        if (chunk) {
          yield chunk
          free.push(Buffer.from(chunk.buffer as ArrayBuffer))
        } else if (ended) {
          if (failure !== undefined) throw failure
          return
        } else {
          const woken = new Promise<void>((resolve) => (wake = resolve))
          socket ??= open()
          socket.resume()
          await woken
        }
      }
    },
    stop(error) {
      if (error !== undefined) filled.length = 0
      end(error)
      socket?.destroy()
    },
  }
}

function unreadable(error: unknown): Failure {
  return new Failure(`expected a pipe or a file of events on stdin, got ${messageOf(error)}; what was read of it is kept, and is in the lake after the next start`, EXIT.io)
}
