import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import type { Disk } from './disk.ts'
import { diskFailure } from './disk.ts'
import { FORMAT } from './format.ts'
import { acquireDirectory } from './lock.ts'

/** `<state>/lake.json`: the lake that a state belongs to. */
export interface Identity {
  id: string
  format: number
  /** The lake has held events: one without a file is not this lake. Never true before it has. */
  held?: true
}

/** Undefined where the state does not know its lake yet. */
export async function readIdentity(state: string): Promise<Identity | undefined> {
  const path = identityPath(state)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw diskFailure('read', path, error)
  }
  try {
    const identity = JSON.parse(text) as Partial<Identity> | null
    if (typeof identity?.id !== 'string' || typeof identity.format !== 'number') throw new Error(JSON.stringify(text.slice(0, 80)))
    return identity as Identity
  } catch (error) {
    throw new Failure(`expected ${path} to say which lake this state belongs to, got: ${messageOf(error)}; remove it if --lake names that lake`, EXIT.io)
  }
}

/** Changes what is known, one process at a time; undefined leaves it. Whoever comes second sees what the first has written. */
export async function changeIdentity(
  disk: Disk,
  state: string,
  change: (known: Identity | undefined) => Identity | undefined,
  say?: (sentence: string) => void,
): Promise<void> {
  const turn = await acquireDirectory(state, { say })
  try {
    const identity = change(await readIdentity(state))
    if (!identity) return
    const path = identityPath(state)
    await disk.write(`${path}.new`, `${JSON.stringify(identity)}\n`, 'identity.write')
    await disk.sync(`${path}.new`, 'identity.write')
    await disk.rename(`${path}.new`, path, 'identity.rename')
    await disk.sync(state, 'identity.settle')
  } finally {
    turn.release()
  }
}

export function newIdentity(id: string = crypto.randomUUID()): Identity {
  return { id, format: FORMAT }
}

/** From now on a lake without a file is not the one of this state. Only when there is a file. */
export async function markHeld(disk: Disk, state: string, id: string): Promise<void> {
  if ((await readIdentity(state))?.held) return
  await changeIdentity(disk, state, (known) => (known?.held ? undefined : { ...(known ?? newIdentity(id)), held: true }))
}

/** Events were held, and their files are in the quarantine: the lake may be empty. */
export async function unmarkHeld(disk: Disk, state: string): Promise<void> {
  await changeIdentity(disk, state, (known) => {
    if (!known?.held) return undefined
    const { held: _, ...rest } = known
    return rest
  })
}

function identityPath(state: string): string {
  return join(state, 'lake.json')
}
