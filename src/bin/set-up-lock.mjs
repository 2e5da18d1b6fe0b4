// Lets one process at a time set up a clone; used by set-up.mjs. Plain JavaScript, and without native calls: nothing is installed yet.
import { randomUUID } from 'node:crypto'
import { accessSync, constants, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How often the holder touches the lock, and how often the others look, ms. */
const BEAT = 250
/** A lock that nobody has touched for this long is taken over, ms: a process id in it would prove nothing, since another process may have it by now. */
const STALE = 3_000
/** Who has taken over waits this long, and finds out whether somebody else did so at the same moment: the last one has it, ms. */
const SETTLE = 500

/**
 * Runs `work` while no other process does so for the same lock file. Its signal is aborted when this process is to end, or has lost the lock.
 * Throws what `work` throws, and the system's error where the lock cannot be written.
 *
 * @param {string} lock path of the file
 * @param {(text: string) => void} say
 * @param {(signal: AbortSignal) => Promise<void>} work
 */
export async function exclusively(lock, say, work) {
  const token = `${process.pid} ${randomUUID()}`
  accessSync(dirname(lock), constants.W_OK)
  await take(lock, token, say)
  const stop = new AbortController()
  const beat = setInterval(() => {
    if (contentOf(lock) !== token) stop.abort(new Error('another process has taken over the installation; run this again'))
    else utimesSync(lock, new Date(), new Date())
  }, BEAT)
  /** @type {NodeJS.Signals | undefined} */
  let killed
  const onSignal = (/** @type {NodeJS.Signals} */ signal) => {
    killed = signal
    stop.abort(new Error(`stopped by ${signal}`))
  }
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
  for (const signal of signals) process.on(signal, onSignal)
  try {
    await work(stop.signal)
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearInterval(beat)
    for (const signal of signals) process.off(signal, onSignal)
    if (contentOf(lock) === token) unlinkSync(lock)
    if (killed) process.kill(process.pid, killed)
  }
}

/**
 * @param {string} lock
 * @param {string} token
 * @param {(text: string) => void} say
 */
async function take(lock, token, say) {
  let seen = ''
  let still = 0
  for (let waited = false; !create(lock, token); waited = true) {
    if (!waited) say('waiting for another process to finish the installation …')
    const state = `${contentOf(lock)} ${statSync(lock, { throwIfNoEntry: false })?.mtimeMs}`
    // Counted in looks, not by the clock: the machine may have slept, and the holder with it.
    still = state === seen ? still + 1 : 0
    seen = state
    if (still * BEAT >= STALE) {
      say('the other process has stopped; taking over its installation')
      writeFileSync(`${lock}.${process.pid}`, token)
      renameSync(`${lock}.${process.pid}`, lock)
      await sleep(SETTLE)
      if (contentOf(lock) === token) return
    }
    await sleep(BEAT)
  }
}

/**
 * @param {string} lock
 * @param {string} token
 */
function create(lock, token) {
  try {
    writeFileSync(lock, token, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  }
}

/** @param {string} lock */
function contentOf(lock) {
  try {
    return readFileSync(lock, 'utf8')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
}
