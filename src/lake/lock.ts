import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
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
    fd = openSync(path, 'a+')
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

/** The lock of an existing directory itself, waited for. Nothing is written: the directory can hold what others read. */
export async function acquireDirectory(path: string): Promise<Lock> {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new Failure(`cannot open the directory ${path} (${codeOf(error) ?? messageOf(error)}); make it one that this user may read`, EXIT.io)
  }
  try {
    while (!(await flock(fd))) await sleep(20)
  } catch (error) {
    closeSync(fd)
    throw new Failure(`cannot lock ${path} (${codeOf(error) ?? messageOf(error)}); keep it on a local filesystem that has flock(2)`, EXIT.io)
  }
  return { release: () => closeSync(fd) }
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
