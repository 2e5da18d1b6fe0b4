import { WebSocket } from 'ws'
import { codeOf, messageOf } from '../failure.ts'

export interface ConnectionOptions {
  /** Ends a connection that has brought no message for so long, ms. */
  idle: number
  /** Ends an attempt that has not been answered for so long, ms. */
  patience: number
  signal: AbortSignal
  /** Every text frame. Anything else a server sends arrives as undefined. */
  onText: (text: string | undefined) => void
}

export interface Connection {
  /** Stops reading, so that the server feels it; the time does not count as idle. */
  pause: () => void
  resume: () => void
  close: (reason: string) => void
  /** Never rejects. */
  ended: Promise<Ending>
}

export interface Ending {
  /** Whether the server had accepted the connection. */
  opened: boolean
  /** Why it ended, for the operator. */
  reason: string
  /** What the server said instead of accepting it. */
  refusal?: { status: number; body: string }
}

const MAX_MESSAGE_BYTES = 1 << 25
const MAX_BODY_BYTES = 4096

/** One WebSocket connection, from dialling to its end. */
export function connect(url: string, { idle, patience, signal, onText }: ConnectionOptions): Connection {
  // Deflate costs the server more than anything else it does for a client, and spares half a megabyte a second.
  const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: patience, maxPayload: MAX_MESSAGE_BYTES })
  let opened = false
  let paused = false
  let reason: string | undefined
  let refusal: Ending['refusal']
  let watchdog: NodeJS.Timeout | undefined

  const close = (why: string): void => {
    reason ??= why
    // A close handshake would wait for a server that may be silent.
    socket.terminate()
  }
  const watch = (): void => {
    if (watchdog) watchdog.refresh()
    else watchdog = setTimeout(() => close(`silent for ${idle / 1000} s`), idle)
  }
  const unwatch = (): void => {
    clearTimeout(watchdog)
    watchdog = undefined
  }
  const abort = (): void => close('stopped')
  signal.addEventListener('abort', abort)

  const ended = new Promise<Ending>((resolve) => {
    socket.on('open', () => {
      opened = true
      if (paused) socket.pause()
      else watch()
    })
    socket.on('message', (data, isBinary) => {
      if (reason !== undefined) return
      if (!paused) watch()
      onText(isBinary ? undefined : data.toString())
    })
    socket.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const done = (): void => {
        refusal = { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString().slice(0, MAX_BODY_BYTES) }
        close(`HTTP ${refusal.status}${refusal.body === '' ? '' : `: ${messageOf(refusal.body)}`}`)
        response.destroy()
      }
      response.setTimeout(patience, done)
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > MAX_BODY_BYTES) done()
      })
      response.on('end', done)
      response.on('error', done)
    })
    socket.on('error', (error) => (reason ??= messageOf(error) || codeOf(error) || 'no answer'))
    socket.on('close', (code, text) => {
      unwatch()
      signal.removeEventListener('abort', abort)
      const said = text.length > 0 ? ` (${messageOf(text.toString())})` : ''
      resolve({ opened, reason: reason ?? `closed with code ${code}${said}`, ...(refusal ? { refusal } : {}) })
    })
  })
  if (signal.aborted) abort()
  return {
    pause: () => {
      paused = true
      unwatch()
      socket.pause()
    },
    resume: () => {
      paused = false
      socket.resume()
      if (opened) watch()
    },
    close,
    ended,
  }
}
