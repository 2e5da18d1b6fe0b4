import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { readFile } from 'node:fs/promises'
import type { Disk } from './disk.ts'
import { diskFailure } from './disk.ts'
import { FORMAT } from './format.ts'
import { acquireDirectory } from './lock.ts'

/** `<state>/lake.json`: the lake that a state belongs to. */
export interface Identity {
  id: string
  format: number
}

export interface LakeAndState {
  lake: string
  state: string
  disk: Disk
}

/** The id of the state's lake; one that has none yet gets it. The state's directory must be there. */
export async function openLake({ state, disk }: LakeAndState): Promise<string> {
  const known = await readIdentity(state)
  if (known) return known.id
  const turn = await acquireDirectory(state)
  try {
    const other = await readIdentity(state)
    if (other) return other.id
    const identity = { id: randomUUID(), format: FORMAT }
    await writeIdentity(disk, state, identity)
    return identity.id
  } finally {
    turn.release()
  }
}

/** Undefined where the state does not know its lake yet. */
export async function readIdentity(state: string): Promise<Identity | undefined> {
  const path = identityPath(state)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw diskFailure('read', path, error)
  }
  try {
    const identity = JSON.parse(text) as Identity
    if (typeof identity.id !== 'string' || typeof identity.format !== 'number') throw new Error(`${text.trim()}`)
    return identity
  } catch (error) {
    throw new Failure(`expected ${path} to hold the id of a lake, got: ${messageOf(error)}; restore it, or remove it if --lake names the lake of this state`, EXIT.io)
  }
}

async function writeIdentity(disk: Disk, state: string, identity: Identity): Promise<void> {
  const path = identityPath(state)
  await disk.write(`${path}.new`, `${JSON.stringify(identity)}\n`, 'identity.write')
  await disk.sync(`${path}.new`, 'identity.write')
  await disk.rename(`${path}.new`, path, 'identity.rename')
  await disk.sync(state, 'identity.settle')
}

function identityPath(state: string): string {
  return join(state, 'lake.json')
}
