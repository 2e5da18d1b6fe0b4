import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { contentsOf, contentsProblem } from '../ingest/segment.ts'
import { formatCount } from '../quantity.ts'
import type { Log } from './state.ts'

/** A closed segment in a log that is not what it was when it was written; the path is below the state. */
export interface SegmentProblem {
  path: string
  live: boolean
  what: string
}

/** By their lengths; those of dead writers, which nobody is at work on, by all of their bytes, unless it shall be quick. */
export async function surveySegments(state: string, logs: readonly Log[], { quick }: { quick: boolean }): Promise<SegmentProblem[]> {
  const found: SegmentProblem[] = []
  for (const { writer, live, segments } of logs) {
    for (const { file, bytes, holds } of segments) {
      const path = join('wal', writer, file)
      if (holds && bytes !== holds.bytes) {
        found.push({ path, live, what: `expected ${formatCount(holds.bytes)} bytes, as when it was written, got ${formatCount(bytes)}` })
      } else if (holds && !live && !quick) {
        const problem = await problemOf(state, path, holds)
        if (problem !== undefined) found.push({ path, live, what: problem })
      }
    }
  }
  return found
}

async function problemOf(state: string, path: string, holds: NonNullable<Log['segments'][number]['holds']>): Promise<string | undefined> {
  try {
    return contentsProblem(path, { holds, found: await contentsOf(join(state, path)) })
  } catch (error) {
    // Recovered meanwhile.
    if (!existsSync(join(state, path))) return undefined
    throw error
  }
}
