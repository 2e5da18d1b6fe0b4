import { join } from 'node:path'
import { filesOfHour } from '../lake/hour.ts'
import type { Finding } from './finding.ts'
import { count } from './lake-findings.ts'
import type { Inspector } from './parquet.ts'
import { soundFiles } from './parquet.ts'
import { quarantinedMembers } from './state.ts'
import { walk } from './walk.ts'

const WHAT_TO_DO = 'bring them back from a copy or the source, then remove it from quarantine; to remove it is to accept the loss'

/** The lake does not hold every event that it was given as long as one of these is in the quarantine alone. */
export async function quarantineFindings({ lake, state }: { lake: string; state: string }, inspector: Inspector, quick: boolean): Promise<Finding[]> {
  const members = quarantinedMembers(await walk(join(state, 'quarantine')))
  const paths = members.map(({ path }) => join(state, 'quarantine', path))
  const sound = new Set(await soundFiles(inspector, paths))
  const findings: Finding[] = []
  for (const [place, { path, inode }] of members.entries()) {
    const file = paths[place] as string
    const finding = (what: string, more: Pick<Finding, 'do' | 'repair'>): void =>
      void findings.push({ severity: 'error', check: 'quarantine', root: 'state', path: `quarantine/${path}`, what, inode, ...more })
    if (!sound.has(file)) finding('a file of the lake that cannot be read: its events may be in no other', { do: WHAT_TO_DO })
    else if (!quick) {
      const missing = await missingIn(lake, file, inspector)
      const verb = missing === 1 ? 'is' : 'are'
      if (missing > 0) finding(`${count(missing, 'event')} of it ${verb} not in the lake`, { repair: 'rewrite', do: `--repair writes ${missing === 1 ? 'it' : 'them'} there` })
    }
  }
  return findings
}

async function missingIn(lake: string, file: string, inspector: Inspector): Promise<number> {
  const content = (await inspector.contents([file])).get(file)
  if (!content || 'broken' in content) return 0
  const files = await Promise.all([...content.hours.keys()].map((hour) => filesOfHour(lake, hour)))
  return inspector.missing([file], await soundFiles(inspector, files.flat().map(({ path }) => path)))
}

