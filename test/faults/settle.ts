import assert from 'node:assert/strict'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { fsck } from '../../src/check/fsck.ts'
import { openInspector } from '../../src/check/parquet.ts'
import { readLake, readRejects, tree } from '../lake.ts'
import type { Result } from '../process.ts'
import { run } from '../process.ts'
import type { Stream } from './stream.ts'

/** An executable and its arguments. */
export type Command = readonly [name: string, ...args: string[]]

/** Merges what is sealed now, and empties the trash at once. */
export const COMPACT: Command = ['sluice', 'compact', '--grace', '0s']

export async function command([name, ...args]: Command, cwd: string, { fault = '', input = '' } = {}): Promise<Result> {
  return run(name, args, { cwd, input, env: { SLUICE_FAULT: fault } })
}

/** Runs a command that must end well. */
export async function well(what: Command, cwd: string, input = ''): Promise<Result> {
  const result = await command(what, cwd, { input })
  assert.equal(result.code, 0, `${what.join(' ')}: ${result.stderr}`)
  return result
}

/** Never, not even while a run lies dead, may a reader see an event twice, or anything that is not a file of the lake. */
export async function nothingTwice(cwd: string): Promise<void> {
  const keys = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey))
  assert.equal(new Set(keys).size, keys.length, `twice in the lake: ${keys.filter((key, at) => keys.indexOf(key) !== at).slice(0, 5)}`)
}

/** At rest: every event once, every line that is none kept, and not a trace of what happened. */
export async function exactlyOnce(cwd: string, streams: readonly Stream[], { without = [] as readonly string[] } = {}): Promise<void> {
  const gone = new Set(without)
  const expected = streams.flatMap(({ keys }) => keys).filter((key) => !gone.has(key)).sort()
  const held = (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey)).sort()
  assert.deepEqual({ missing: difference(expected, held), more: difference(held, expected) }, { missing: [], more: [] })

  const lake = join(cwd, 'lake')
  assert.deepEqual(tree(lake).filter((path) => lstatSync(join(lake, path)).isSymbolicLink()), [], 'symlinks in the lake')
  const state = tree(join(cwd, '.sluice')).filter((path) => path !== 'periodic.lock' && !path.startsWith('rejected/') && !path.startsWith('quarantine/'))
  assert.deepEqual(state, [], 'left in the state directory')

  const bad = streams.flatMap(({ lines }) => lines).filter(({ key }) => key === undefined).map(({ text }) => text)
  const all = streams.flatMap(({ lines }) => lines)
  const rejects = readRejects(join(cwd, '.sluice')).map(({ text }) => String(text))
  assert.deepEqual(difference([...new Set(bad)].sort(), [...new Set(rejects)].sort()), [], 'rejects that are lost')
  // What was cut short by a disk that was full.
  const others = rejects.filter((text) => !bad.includes(text) && !all.some((line) => line.text.startsWith(text)))
  assert.deepEqual(others, [], 'rejects that nobody said')

  const inspector = await openInspector()
  try {
    const { findings } = await fsck({ lake, state: join(cwd, '.sluice') }, inspector, { quick: false, now: Date.now() + 7_200_000, alone: false })
    assert.deepEqual(findings, [])
  } finally {
    inspector.close()
  }
}

/** What of one sorted list is not in the other, each as often as it is more. */
function difference(these: readonly string[], those: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const one of those) left.set(one, (left.get(one) ?? 0) + 1)
  return these.filter((one) => {
    const count = left.get(one) ?? 0
    left.set(one, count - 1)
    return count <= 0
  })
}
