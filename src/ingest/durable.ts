import { open, stat } from 'node:fs/promises'
import { codeOf } from '../failure.ts'
import { linesOf } from './lines.ts'
import { logTails } from './wal.ts'

/** Of the end of a log, so many bytes are looked at: more than a hundred lines. */
const TAIL = 2 ** 16

/** How often logs are listed again from which a segment has gone. */
const TRIES = 5

/** Newest event time in any log, Unix µs; undefined where no log has a line that says. A segment that vanishes meanwhile is in the lake, or was closed. */
export async function newestInLogs(state: string): Promise<number | undefined> {
  let newest: number | undefined
  for (let tries = 1; tries <= TRIES; tries++) {
    let gone = false
    for (const path of await logTails(state)) {
      const end = await tail(path)
      gone ||= end === undefined
      for (const line of linesOf(end ?? Buffer.alloc(0))) {
        const micros = microsOf(line)
        if (micros !== undefined && micros > (newest ?? 0)) newest = micros
      }
    }
    if (!gone) break
  }
  return newest
}

function microsOf(line: Buffer): number | undefined {
  try {
    const { time_us, timestamp } = JSON.parse(line.toString('utf8')) as Record<string, unknown>
    if (typeof time_us === 'number' && Number.isSafeInteger(time_us)) return time_us
    const ms = typeof timestamp === 'string' ? Date.parse(timestamp) : NaN
    return Number.isNaN(ms) ? undefined : ms * 1000
  } catch {
    return undefined
  }
}

async function tail(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path)
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.alloc(Math.min(size, TAIL))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
