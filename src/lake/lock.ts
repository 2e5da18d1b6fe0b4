import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { diskFailure } from './disk.ts'
import { flock } from './libc.ts'

/** Held by the kernel for this process until released or until the process dies, however it dies: no lock is ever stale. */
export interface Lock {
  release(): void
}

/** Who took a lock last, as its file says: for messages, never to decide who holds it. */
export interface Holder {
  pid: number
  host: string
  since: Date
}

/**
 * Locks the file at `path` (created where missing, its directory is not), or gives undefined where anyone holds it,
 * this process included. The file is never removed: a waiter could hold the lock of the removed file
 * while a newcomer locks a new one of the same name.
 */
export async function acquire(path: string, now: number): Promise<Lock | undefined> {
  let fd: number
  try {
    fd = openSync(path, 'a+', 0o600)
  } catch (error) {
    throw new Failure(`cannot open the lock ${path} (${codeOf(error) ?? messageOf(error)}); make it a file that this user may write`, EXIT.io)
  }
  try {
    if (!(await flock(fd))) {
      closeSync(fd)
      return undefined
    }
    ftruncateSync(fd)
    writeSync(fd, `${JSON.stringify({ pid: process.pid, host: hostname(), since: new Date(now).toISOString() })}\n`)
  } catch (error) {
    closeSync(fd)
    throw diskFailure('lock', path, error)
  }
  return {
    release() {
      ftruncateSync(fd)
      closeSync(fd)
    },
  }
}

/** Like {@link acquire}, but not put off by one who only asks whether it is held, which takes some microseconds. */
export async function acquirePatiently(path: string, now: number): Promise<Lock | undefined> {
  for (let tries = 1; ; tries++) {
    const lock = await acquire(path, now)
    if (lock || tries === TRIES) return lock
    await sleep(TRIES)
  }
}

/** Times, and ms between them. */
const TRIES = 5

/** After so long it is said who is waited for; after so long without a sign of life of theirs, waiting ends, ms. */
const QUIET = 2_000
const PATIENCE = 30_000

/**
 * The lock of an existing directory itself, waited for. Nothing is written: the directory can hold what others read. Whoever works under the lock
 * gives a sign of life by changing the directory.
 */
export async function acquireDirectory(path: string, { say, patience = PATIENCE }: { say?: ((sentence: string) => void) | undefined; patience?: number } = {}): Promise<Lock> {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new Failure(`cannot open the directory ${path} (${codeOf(error) ?? messageOf(error)}); make it one that this user may read`, EXIT.io)
  }
  try {
    const began = performance.now()
    let told = false
    for (let [alive, changed] = [began, fstatSync(fd).mtimeMs]; !(await flock(fd)); await sleep(20)) {
      const now = performance.now()
      if (fstatSync(fd).mtimeMs !== changed) [alive, changed] = [now, fstatSync(fd).mtimeMs]
      if (!told && now - began > QUIET) say?.(`waiting for ${holderOf(fd)}, which holds the lock of ${path}`)
      told ||= now - began > QUIET
      if (now - alive > patience) {
        throw new Failure(`expected the lock of ${path} to be free within ${patience / 1000} s, but ${holderOf(fd)} holds it and does nothing there; stop that process, then start again`, EXIT.busy)
      }
    }
  } catch (error) {
    closeSync(fd)
    if (error instanceof Failure) throw error
    throw new Failure(`cannot lock ${path} (${codeOf(error) ?? messageOf(error)}); keep it on a local filesystem that has flock(2)`, EXIT.io)
  }
  return { release: () => closeSync(fd) }
}

/** `sluice (pid 17)`, where Linux tells. */
function holderOf(fd: number): string {
  try {
    const { ino } = fstatSync(fd)
    const pid = new RegExp(`^\\d+: FLOCK +\\w+ +\\w+ (\\d+) \\w+:\\w+:${ino} `, 'm').exec(readFileSync('/proc/locks', 'utf8'))?.[1]
    return pid === undefined ? 'another process' : `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`
  } catch {
    return 'another process'
  }
}

/**
 * Whether anyone holds the lock, told by taking it as one of many for some microseconds: two who ask do not see each other.
 * Whoever wants the lock in those microseconds finds it held.
 */
export async function isHeld(path: string): Promise<boolean> {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false
    throw new Failure(`cannot open the lock ${path} (${codeOf(error) ?? messageOf(error)}); make it a file that this user may read`, EXIT.io)
  }
  try {
    return !(await flock(fd, { shared: true }))
  } finally {
    closeSync(fd)
  }
}

/** Who holds, or held when it was killed, the lock; undefined where nobody does or it cannot be told. */
export function holder(path: string): Holder | undefined {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof since !== 'string' || Number.isNaN(Date.parse(since))) return undefined
    return { pid, host, since: new Date(since) }
  } catch {
    return undefined
  }
}
