import { lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../failure.ts'
import { sameFilesystem } from '../lake/filesystem.ts'
import { LAYOUT_NAMES } from '../lake/format.ts'
import { readIdentity } from '../lake/identity.ts'
import { formatSegment } from '../lake/names.ts'
import { hasVanished } from '../lake/open.ts'
import type { Seal } from '../lake/seal.ts'
import { damageOf, readSeal } from '../lake/seal.ts'
import { surveyCaches } from './caches.ts'
import type { Finding } from './finding.ts'
import type { Footer } from './footers.ts'
import { readFooters } from './footers.ts'
import type { FileFacts } from './lake-findings.ts'
import { isDamaged, lakeFindings } from './lake-findings.ts'
import { letterFileProblem } from './letters.ts'
import type { Broken, Content, Found, Groups, Inspector, Repeated, Rows } from './parquet.ts'
import { badStart, layoutOfFile } from './parquet.ts'
import { quarantineFindings } from './quarantined.ts'
import { replacedFindings, surveyReplaced } from './replaced.ts'
import { surveySegments } from './segments.ts'
import { surveyState } from './state.ts'
import { stateFindings } from './state-findings.ts'
import type { Entry } from './walk.ts'
import { walk } from './walk.ts'

export interface Checked {
  /** By path, errors first. */
  findings: Finding[]
  files: number
  /** As the footers say. */
  rows: number
  /** Some writer is at work. */
  live: boolean
}

const UNKNOWN = { broken: 'it cannot be read' }

/** Looks at everything under the lake and the state, and changes nothing. `quick` leaves out what needs the rows; `alone` holds the lock of periodic. */
export async function fsck(
  { lake, state }: { lake: string; state: string },
  inspector: Inspector,
  { quick, now, alone }: { quick: boolean; now: number; alone: boolean },
): Promise<Checked> {
  // First the logs: what is committed meanwhile is then final or still known as pending.
  const facts = await surveyState(state, now, { alone })
  const pending = new Map(facts.logs.flatMap(({ live, segments }) => segments.map(({ name }) => [formatSegment(name), live] as const)))
  const entries = await walk(lake)
  const files = await inspect(lake, entries.filter(({ kind }) => kind === 'file'), inspector, quick)
  const rows = files.reduce((sum, file) => sum + ('rows' in file.rows ? file.rows.rows : 0), 0)
  const whole = files.filter(({ content }) => content !== undefined && !('broken' in content)).map(({ entry }) => join(lake, entry.path))
  const record = new Set(files.filter(({ schema }) => layoutOfFile(schema) === 'record').map(({ entry }) => join(lake, entry.path)))
  const letters = new Map<string, string>()
  for (const { path } of facts.rejected.files) {
    const problem = await letterFileProblem(join(state, 'rejected', path), path)
    if (problem !== undefined) letters.set(path, problem)
  }
  const damaged = new Set(files.filter(isDamaged).map(({ entry }) => entry.path))
  const needed = await surveyReplaced({ lake, state }, facts, inspector, { quick, damaged })
  const findings = [
    ...((await hasVanished({ lake, state })) ? [vanishedFinding()] : []),
    ...lakeFindings({
      now,
      entries,
      files,
      id: (await readIdentity(state))?.id,
      repeated: quick ? [] : await repeated(inspector, whole, rows, record),
      trash: await realpath(join(state, 'trash')).catch(() => undefined),
      pending,
      restorable: new Set(needed.flatMap(({ lost }) => [...lost.keys()])),
    }),
    ...replacedFindings(needed),
    ...(await quarantineFindings({ lake, state }, inspector, quick)),
    // Whoever runs now is about to replace them.
    ...stateFindings(facts, {
      now,
      sameFilesystem: await sameFilesystem(lake, state),
      letters,
      segments: await surveySegments(state, facts.logs, { quick }),
      caches: facts.periodic.running ? [] : await surveyCaches(state, { quick }),
    }),
  ]
  const rank = ({ severity, root, path }: Finding): string => `${severity === 'error' ? 0 : 1} ${root} ${path}`
  return {
    findings: findings.sort((a, b) => (rank(a) < rank(b) ? -1 : Number(rank(a) > rank(b)))),
    files: files.length,
    rows,
    live: facts.logs.some(({ live }) => live),
  }
}

async function inspect(lake: string, entries: readonly Entry[], inspector: Inspector, quick: boolean): Promise<FileFacts[]> {
  const at = ({ path }: Entry): string => join(lake, path)
  const footers = await readFooters(entries.map(at))
  const starts = new Map<string, string | undefined>()
  const others = entries.map(at).filter((path) => !footers.has(path))
  for (const path of others) starts.set(path, await badStart(path))
  const begun = others.filter((path) => starts.get(path) === undefined)
  const rows = await inspector.rows(begun)
  const readable = begun.filter((path) => 'rows' in (rows.get(path) ?? UNKNOWN))
  const [groups, schemas] = [await inspector.groups(readable), await inspector.schemas(readable)]
  await addFooters(footers, { rows, groups, schemas }, inspector)
  const sound = entries.map(at).filter((path) => 'rows' in (rows.get(path) ?? UNKNOWN))
  const contents = quick ? undefined : new Map<string, Content | Broken>()
  for (const layout of contents ? LAYOUT_NAMES : []) {
    const alike = sound.filter((path) => layoutOfFile(schemas.get(path) ?? UNKNOWN) === layout)
    for (const [path, content] of await inspector.contents(alike)) contents?.set(path, content)
  }
  // One at a time: each is read whole.
  const damages = new Map<string, string | undefined>()
  const seals = new Map<string, Seal | undefined>()
  for (const path of quick ? [] : sound) {
    damages.set(path, await damageOf(path).catch((error: unknown) => messageOf(error)))
    seals.set(path, footers.get(path)?.seal ?? (await readSeal(path).catch(() => undefined)))
  }
  const facts = await Promise.all(
    entries.map(async (entry): Promise<FileFacts | undefined> => {
      const path = at(entry)
      const file = {
        entry,
        start: starts.get(path),
        rows: rows.get(path) ?? UNKNOWN,
        groups: groups.get(path) ?? UNKNOWN,
        schema: schemas.get(path) ?? UNKNOWN,
        content: contents?.get(path),
        damage: damages.get(path),
        seal: seals.get(path),
      }
      const failed = file.damage !== undefined || [file.rows, file.groups, file.schema, file.content ?? {}].some((answer) => 'broken' in answer)
      // What was retired while we looked is no fault.
      return failed && (await lstat(path).catch(() => undefined)) === undefined ? undefined : file
    }),
  )
  return facts.filter((file) => file !== undefined)
}

/** Puts what footers say to what DuckDB says. What their columns are, DuckDB says of one file for all alike. */
async function addFooters(
  footers: ReadonlyMap<string, Footer>,
  { rows, groups, schemas }: { rows: Found<Rows>; groups: Found<Groups>; schemas: Found<{ columns: string[] }> },
  inspector: Inspector,
): Promise<void> {
  const described = new Map<string, { columns: string[] } | Broken>()
  for (const [path, footer] of footers) {
    rows.set(path, footer.rows)
    groups.set(path, footer.groups)
    const known = described.get(footer.schema) ?? (await inspector.schemas([path])).get(path) ?? UNKNOWN
    // What is wrong with one file, or was retired meanwhile, says nothing of the others.
    if (!('broken' in known)) described.set(footer.schema, known)
    schemas.set(path, known)
  }
}

/** Asked over many files at once, some of which may have been retired since they were listed. */
async function repeated(inspector: Inspector, files: readonly string[], rows: number, record: ReadonlySet<string>): Promise<Repeated[]> {
  try {
    return await inspector.repeated(files, rows, record)
  } catch (error) {
    const there = await Promise.all(files.map((file) => lstat(file).then(() => true, () => false)))
    const left = files.filter((_, index) => there[index])
    if (left.length === files.length) throw error
    return inspector.repeated(left, rows, record)
  }
}

function vanishedFinding(): Finding {
  return {
    severity: 'error',
    check: 'vanished',
    root: 'lake',
    path: '',
    what: 'none of its files is there, though the state knows of events in it',
    do: 'mount it, or name the right one by --lake; to begin a new lake, name a new directory by --state too',
  }
}
