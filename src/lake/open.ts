import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, EXIT, Failure } from '../failure.ts'
import type { Disk } from './disk.ts'
import { diskFailure, list } from './disk.ts'
import { FORMAT, newerFormat } from './format.ts'
import type { Identity } from './identity.ts'
import { changeIdentity, newIdentity, readIdentity } from './identity.ts'
import { isWriter, parseFile } from './names.ts'
import { closeState, describeOpen } from './private.ts'
import type { Seal } from './seal.ts'
import { readSeal } from './seal.ts'

interface LakeAndState {
  lake: string
  state: string
}

/** What a lake and a state say of each other. */
export interface Evidence {
  identity: Identity | undefined
  /** The state knows of events, though it has no identity: an earlier version has left it. */
  earlier: boolean
  /** Writers have logs in the state. */
  logs: boolean
  /** The lake's directory is there. */
  directory: boolean
  /** What files of the lake say, by path: some of them, or where these leave a doubt, all; undefined of one that says nothing. */
  seals: ReadonlyMap<string, Seal | undefined>
}

export type Belonging =
  /** The lake is that of the state, and has this id; undefined where it has none yet. The state may not know it yet. */
  | { kind: 'ours'; id: string | undefined }
  /** The state knows of events, and the lake has no file. */
  | { kind: 'vanished' }
  /** All files that say so belong to another lake. */
  | { kind: 'foreign'; id: string }
  /** By the state (no file) or by a file. */
  | { kind: 'newer'; format: number; file: string | undefined }

/** Pure. */
export function judgeLake({ identity, earlier, logs, seals }: Evidence): Belonging {
  if (identity && identity.format > FORMAT) return { kind: 'newer', format: identity.format, file: undefined }
  const sealed = [...seals].flatMap(([file, seal]) => (seal ? [{ file, ...seal }] : []))
  const newer = sealed.find(({ format }) => format > FORMAT)
  if (newer) return { kind: 'newer', format: newer.format, file: newer.file }
  if (seals.size === 0) return identity?.held || (earlier && !identity) ? { kind: 'vanished' } : { kind: 'ours', id: identity?.id }
  const [first] = sealed
  if (!first || sealed.some(({ lake }) => lake === identity?.id)) return { kind: 'ours', id: identity?.id }
  // A second state beside one lake, or one that was lost: it belongs to the lake it finds. One that has lines for another lake does not.
  return identity && (identity.held || logs) ? { kind: 'foreign', id: first.lake } : { kind: 'ours', id: first.lake }
}

/** The id of the lake that a state belongs to, for whoever writes; a lake that has none gets it. Fails where it is not that lake. */
export async function openLake({ lake, state, disk, say }: LakeAndState & { disk: Disk; say?: ((sentence: string) => void) | undefined }): Promise<string> {
  const { evidence, id } = await checked({ lake, state })
  const open = describeOpen(await closeState(disk, state))
  if (open !== '') say?.(open)
  const known = evidence.identity
  const held = evidence.seals.size > 0
  if (id !== undefined && known?.id === id && (known.held || !held)) return id
  let opened = id
  await changeIdentity(disk, state, (other) => {
    // Of several that begin at once, the first has said which it is.
    const identity = other && other.id !== known?.id ? other : newIdentity(id ?? other?.id)
    opened = identity.id
    return { ...identity, ...(held || other?.held ? { held: true as const } : {}) }
  }, say)
  return opened as string
}

/** The same for whoever only reads. */
export async function checkLake(place: LakeAndState): Promise<void> {
  await checked(place)
}

/** The same for whoever looks for what has become of the files: whether all of them have vanished is an answer, and no failure. */
export async function hasVanished(place: LakeAndState): Promise<boolean> {
  const evidence = await gather(place)
  const belonging = judgeLake(evidence)
  if (belonging.kind !== 'ours' && belonging.kind !== 'vanished') throw new Failure(explain(belonging, place, evidence), EXIT.io)
  return belonging.kind === 'vanished'
}

async function checked(place: LakeAndState): Promise<{ evidence: Evidence; id: string | undefined }> {
  const evidence = await gather(place)
  const belonging = judgeLake(evidence)
  if (belonging.kind !== 'ours') throw new Failure(explain(belonging, place, evidence), EXIT.io)
  return { evidence, id: belonging.id }
}

function explain(belonging: Exclude<Belonging, { kind: 'ours' }>, { lake, state }: LakeAndState, { directory }: Evidence): string {
  switch (belonging.kind) {
    case 'vanished':
      return (
        `expected ${lake} to be the lake that ${state} belongs to and that has held events, got ${directory ? 'a directory without any of its files' : 'no such directory'}; ` +
        'mount it, or name the right one by --lake; to begin a new lake, name a new directory by --state too'
      )
    case 'foreign':
      return (
        `expected ${lake} to be the lake that ${state} belongs to, got files of another lake (${belonging.id}); ` +
        `name the right one by --lake, or the state of ${lake} by --state`
      )
    case 'newer':
      return newerFormat(belonging.format, belonging.file ?? join(state, 'lake.json')).message
  }
}

async function gather({ lake, state }: LakeAndState): Promise<Evidence> {
  const identity = await readIdentity(state)
  const seals = new Map<string, Seal | undefined>()
  const directory = await isDirectory(lake)
  if (directory) {
    for (const order of ['newest', 'oldest'] as const) await sample(lake, order, seals, () => true)
    const found = [...seals.values()].flatMap((seal) => seal?.lake ?? [])
    // Files that somebody put there do not make the lake another one.
    if (identity && found.length > 0 && !found.includes(identity.id)) await sample(lake, 'newest', seals, (seal) => seal?.lake === identity.id)
  }
  return { identity, earlier: !identity && (await knewEvents(state)), logs: (await list(join(state, 'wal'))).some(isWriter), directory, seals }
}

/** Reads seals until one is enough. A file that is damaged says nothing, one that vanishes is none. */
async function sample(lake: string, order: 'newest' | 'oldest', seals: Map<string, Seal | undefined>, enough: (seal: Seal | undefined) => boolean): Promise<void> {
  for await (const path of members(lake, order)) {
    try {
      const seal = seals.get(path) ?? (await readSeal(path))
      seals.set(path, seal)
      if (enough(seal)) return
    } catch {
      if (await isFile(path)) seals.set(path, undefined)
    }
  }
}

function isFile(path: string): Promise<boolean> {
  return lstat(path).then((found) => found.isFile(), () => false)
}

/** Files of the lake by their names, from the newest hour or the oldest on. No symlink is one, or is followed. */
async function* members(lake: string, order: 'newest' | 'oldest', below: readonly string[] = []): AsyncGenerator<string> {
  const entries = await readdir(join(lake, ...below), { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw diskFailure('read directory', join(lake, ...below), error)
  })
  const sorted = entries.sort((a, b) => (a.name < b.name === (order === 'oldest') ? -1 : 1))
  for (const entry of sorted) {
    const path = [...below, entry.name]
    if (entry.isDirectory() && below.length < 3) yield* members(lake, order, path)
    else if (entry.isFile() && parseFile(path.join('/'))) yield join(lake, ...path)
  }
}

async function isDirectory(lake: string): Promise<boolean> {
  try {
    await readdir(lake)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    if (codeOf(error) === 'ENOTDIR' && (await isFile(lake))) {
      throw new Failure(`expected ${lake} to be the lake's directory, got a file; give another one by --lake`, EXIT.io)
    }
    throw diskFailure('read directory', lake, error)
  }
}

/** Of a state without identity: whether a run of an earlier version has seen events in its lake. */
async function knewEvents(state: string): Promise<boolean> {
  try {
    const kept = JSON.parse(await readFile(join(state, 'contents.json'), 'utf8')) as Record<string, unknown>
    return Object.values((kept['content'] as object | undefined) ?? kept).some((file) => Array.isArray(file) && Number(file[0]) > 0)
  } catch {
    return false
  }
}
