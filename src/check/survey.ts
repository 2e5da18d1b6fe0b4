import { openEngine } from '../duckdb.ts'
import { codeOf, Failure, messageOf } from '../failure.ts'
import { reasons } from '../ingest/reject.ts'
import type { LakeFile } from '../lake/compaction.ts'
import { fileStats } from '../lake/file-stats.ts'
import { sameFilesystem } from '../lake/filesystem.ts'
import { canExchange } from '../lake/libc.ts'
import { checkLake } from '../lake/open.ts'
import type { Part, Snapshot } from '../lake/snapshot.ts'
import { lakeFiles, newestFiles, partsOf, takeSnapshot } from '../lake/snapshot.ts'
import { readContents } from '../query/contents.ts'
import { readFreshness } from '../query/freshness.ts'
import { loadSources } from '../query/models.ts'
import { formatProblem } from '../query/problem.ts'
import type { Inspector } from './parquet.ts'
import { surveyState } from './state.ts'
import type { StatusFacts } from './status.ts'

/** What status shows, from names, sizes and footers, and where freshness has limits, from the times within these. A missing lake is an empty one. */
export async function survey(
  { lake, state, queries }: { lake: string; state: string; queries: string },
  inspector: Inspector,
  { now, sealAfter }: { now: number; sealAfter: number },
): Promise<StatusFacts> {
  await checkLake({ lake, state })
  const facts = await surveyState(state, now)
  const snapshot = await takeSnapshot(lake)
  const parts = await partsOf(snapshot)
  const files = lakeFiles(lake, parts)
  const paths = new Map(parts.map(({ path }, n) => [path, (files[n] as LakeFile).path]))
  const footers = await rowsOf(parts, state, inspector)
  const readable = [...paths.keys()].filter((path) => 'rows' in (footers.get(path) ?? {}))
  // By the partition; what is in no partition may be of any time.
  const groups = await inspector.groups(newestFiles({ lake, files: readable }))
  const latest = [...groups.values()].flatMap((group) => ('to' in group && group.to !== undefined ? [Math.floor(group.to / 1000)] : []))
  return {
    now,
    sealAfter,
    files,
    strangers: snapshot.strangers,
    footers: new Map([...footers].map(([path, footer]) => [paths.get(path) as string, footer])),
    newest: latest.length === 0 ? undefined : latest.reduce((a, b) => Math.max(a, b)),
    state: facts,
    freshness: await surveyFreshness({ lake, files: readable.sort() }, queries, now),
    rejects: await readRejects(state),
    exchange: await exchanges(),
    sameFilesystem: await sameFilesystem(lake, state),
  }
}

/** How many rows the files have: of those that periodic has seen as it remembers, of the others as their footers say. */
async function rowsOf(parts: readonly Part[], state: string, inspector: Inspector): Promise<StatusFacts['footers']> {
  const { content: known = {} } = await readContents(state)
  const unknown = parts.filter(({ id }) => !known[id]).map(({ path }) => path)
  const stats = await fileStats(unknown)
  const asked = await inspector.rows(unknown.filter((path) => !stats.has(path)))
  return new Map(
    parts.map(({ path, id }) => {
      const rows = known[id]?.[0] ?? stats.get(path)?.rows
      return [path, rows === undefined ? (asked.get(path) ?? { broken: 'it was retired' }) : { rows }]
    }),
  )
}

/** How old the newest events are of what `sources.yaml` gives limits, or why that cannot be said. */
async function surveyFreshness(snapshot: Snapshot, queries: string, now: number): Promise<StatusFacts['freshness']> {
  const loaded = await loadSources(queries)
  if ('problem' in loaded) return { unknown: formatProblem(loaded.problem) }
  if (!loaded.sources.events?.freshness) return []
  const engine = await openEngine({ memoryLimit: '1GB', tempDirectory: '' })
  try {
    return await readFreshness(await engine.connect(), snapshot, loaded.sources, now)
  } catch (error) {
    return { unknown: messageOf(error) }
  } finally {
    engine.close()
  }
}

async function readRejects(state: string, tries = 3): Promise<StatusFacts['rejects']> {
  try {
    return await reasons(state)
  } catch (error) {
    if (error instanceof Failure) throw error
    // A file was fed back between being listed and being read.
    return codeOf(error) === 'ENOENT' && tries > 1 ? readRejects(state, tries - 1) : undefined
  }
}

async function exchanges(): Promise<boolean> {
  return canExchange().catch(() => false)
}
