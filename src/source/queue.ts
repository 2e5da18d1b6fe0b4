import type { Output } from './output.ts'

/** Lines on their way to an output that may be slower than what they come from. */
export interface Queue {
  push: (line: string) => void
  /** Whether so much waits that no more should come. */
  full: () => boolean
  /** Settles when all lines are out; rejects when the output fails. */
  drained: () => Promise<void>
}

export interface QueueListener {
  /** More than `HIGH_CHARACTERS` wait: bring no more. */
  full: () => void
  /** All that waited is being written. */
  ready: () => void
  failed: () => void
}

const HIGH_CHARACTERS = 1 << 20

export function createQueue(output: Output, listener: QueueListener): Queue {
  let lines: string[] = []
  let characters = 0
  let full = false
  let writing: Promise<void> | undefined

  const pump = async (): Promise<void> => {
    // Lines that arrive in one turn of the event loop go out in one write.
    await new Promise((resolve) => setImmediate(resolve))
    while (lines.length > 0) {
      const bytes = Buffer.from(lines.join(''))
      lines = []
      characters = 0
      if (full) {
        full = false
        listener.ready()
      }
      await output.write(bytes)
    }
    writing = undefined
  }
  return {
    push: (line) => {
      lines.push(line)
      characters += line.length
      if (!full && characters > HIGH_CHARACTERS) {
        full = true
        listener.full()
      }
      if (!writing) {
        writing = pump()
        writing.catch(() => listener.failed())
      }
    },
    full: () => full,
    drained: async () => {
      while (writing) await writing
    },
  }
}
