import { basename, dirname } from 'node:path'
import type { Call, Operation } from '../../src/lake/disk.ts'
import type { Traced } from '../../src/lake/faults.ts'
import type { Step } from '../../src/lake/steps.ts'

/** What a process that ran with the fault `trace` said, in order. */
export function tracedIn(stderr: string): Traced[] {
  return [...stderr.matchAll(/^trace: (.*)$/gm)].map(([, json]) => JSON.parse(json as string) as Traced)
}

/** How often each step, or each call, was begun. */
export function countsOf<K extends 'step' | 'call'>(trace: readonly Traced[], of: K): Map<K extends 'step' ? Step : Call, number> {
  const counts = new Map<Operation[K], number>()
  for (const traced of trace) if ('begins' in traced) counts.set(traced.begins[of], (counts.get(traced.begins[of]) ?? 0) + 1)
  return counts as ReturnType<typeof countsOf<K>>
}

/** Merged files among these, of which no call tells how they are written. */
const PART = /\/part-\d+\.parquet$/

/**
 * A disk that forgets at a power loss whatever no fsync came after. Goes through a trace and gives, in words, each place at which a power loss
 * would have cost something: what readers or the next run rely on was done before what it rests on was safe. What was there before counts as safe.
 * `appeared` are files that the lake has now and had not before.
 */
export function whatPowerLossCosts({ trace, appeared }: { trace: readonly Traced[]; appeared: readonly string[] }): string[] {
  /** Files and names that were made; true once a fsync of the file, or of the directory that has the name, has ended. */
  const content = new Map<string, boolean>()
  const names = new Map<string, boolean>()
  const files = new Map<string, string>()
  /** Linked at the last moment before an exchange: the note is there to do it again. */
  const carried = new Set<string>()
  const segmentsAreSafe = trace.some((traced) => 'begins' in traced && traced.begins.step === 'wal.roll')
  const running = new Map<number, { operation: Operation; covers: string[] }>()
  const costs: string[] = []

  const safe = (path: string): boolean => content.get(path) !== false && named(path)
  const named = (path: string): boolean => names.get(path) !== false && (dirname(path) === path || named(dirname(path)))
  const below = (path: string, known: Iterable<string>): string[] => [...known].filter((one) => one === path || one.startsWith(`${path}/`))
  const real = ({ paths }: Operation): string[] => paths.map((path) => files.get(path) ?? path)
  const demand = (holds: boolean, { step, call }: Operation, what: string): void => {
    if (!holds) costs.push(`${step}: ${call} before ${what}`)
  }

  /** What has to be safe before a call begins. */
  function check(operation: Operation): void {
    const [from = '', to = ''] = real(operation)
    const { step, call } = operation
    if (step === 'wal.roll' && content.get(from) === true) demand(named(from), operation, `the name of ${basename(from)} is safe`)
    if (step === 'commit.sync') for (const path of names.keys()) if (segmentsAreSafe && isSegmentOf(path, from)) demand(safe(path), operation, `its segment ${basename(path)} is safe`)
    // What is staged DuckDB may have written, of which no call tells.
    const known = /(^|\/)staging\//.test(from) ? content.get(from) === true : content.get(from) !== false
    if (call === 'rename' && isPublic(to)) demand(known, operation, `${basename(from)} is safe`)
    if (step === 'compact.exchange') for (const path of below(to, [...content.keys(), ...names.keys()])) demand(safe(path) || carried.has(path), operation, `${basename(path)} is safe`)
    if (step === 'ingest.done') {
      const segment = `${basename(dirname(from))}-${basename(from).slice(0, 8)}`
      for (const path of [...content.keys(), ...names.keys()]) if (isPublic(path) && basename(path).startsWith(segment)) demand(safe(path), operation, `${basename(path)} is safe`)
    }
    if (step === 'late.done' && call === 'unlink') for (const path of names.keys()) if (isPublic(path)) demand(safe(path), operation, `${basename(path)} is safe`)
  }

  function move(from: string, to: string): void {
    for (const known of [content, names]) {
      const moved = below(from, known.keys()).map((path) => [path, known.get(path) as boolean] as const)
      for (const [path] of moved) known.delete(path)
      for (const [path, value] of moved) known.set(to + path.slice(from.length), value)
    }
  }

  function done({ operation, covers }: { operation: Operation; covers: string[] }, gave: unknown): void {
    const { call, step } = operation
    const [from = '', to = ''] = real(operation)
    switch (call) {
      case 'create':
        files.set(`/dev/fd/${gave}`, from)
        names.set(from, false)
        return
      case 'write':
        content.set(from, false)
        if (step !== 'wal.append') names.set(from, false)
        return
      case 'fsync':
        for (const path of covers) (path === from ? content : names).set(path, true)
        if (covers.length === 0) content.set(from, true)
        return
      case 'mkdir':
        names.set(from, false)
        return
      case 'symlink':
        names.set(from, false)
        return
      case 'link':
        content.set(to, content.get(from) ?? true)
        names.set(to, false)
        if (step === 'compact.carry') carried.add(to)
        return
      case 'rename': {
        // Under its old name it is as safe.
        const enough = names.get(from) === true && dirname(from) === dirname(to) && !isPublic(to)
        move(from, to)
        names.set(to, enough)
        return
      }
      case 'exchange':
        move(from, '/aside')
        move(to, from)
        move('/aside', to)
        names.set(from, false)
        names.set(to, false)
        return
      case 'unlink':
        for (const known of [content, names]) for (const path of below(from, known.keys())) known.delete(path)
    }
  }

  for (const traced of trace) {
    if ('begins' in traced) {
      const operation = traced.begins
      check(operation)
      const [path = ''] = real(operation)
      // One that is there already was made by somebody who may have died since.
      if (operation.call === 'mkdir' && !names.has(path)) names.set(path, false)
      // A fsync covers what had ended when it began.
      const covers = operation.call === 'fsync' ? [...names.keys()].filter((name) => dirname(name) === path).concat(content.has(path) ? path : []) : []
      running.set(traced.n, { operation, covers })
    } else {
      const begun = running.get(traced.n)
      if (begun) done(begun, traced.gave)
    }
  }
  for (const path of names.keys()) if (isPublic(path) && !safe(path)) costs.push(`at the end ${path} is not safe`)
  const merges = trace.some((traced) => 'begins' in traced && traced.begins.step === 'compact.build')
  for (const path of appeared) if (merges && PART.test(path) && content.get(path) !== true) costs.push(`at the end ${path} is not safe`)
  return costs
}

/** What lasts: the lake, the rejects, and what an exchange is under way with. */
function isPublic(path: string): boolean {
  return /(^|\/)(lake|rejected|trash)\//.test(path)
}

function isSegmentOf(path: string, staged: string): boolean {
  return /\/wal\/[^/]+\/\d{8}\./.test(path) && basename(staged).startsWith(`${basename(dirname(path))}-${basename(path).slice(0, 8)}`)
}
