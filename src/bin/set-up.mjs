// Installs and compiles a clone: called by launch.mjs at first use, and by install.mjs for the scripts of package.json.
// Plain JavaScript: this runs before anything is installed. Progress goes to stderr: stdout belongs to the data.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exclusively } from './set-up-lock.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Where the registry has not answered at all, ms: how long after a first failed request to give up, after how long without one to say so, and to give up;
 * and how long npm or the compiler may take in all. npm alone takes half a minute to say that a name cannot be resolved.
 */
const LIMITS = { failed: 1_000, silence: 3_000, answer: 60_000, all: 15 * 60_000 }

/** Development packages too, whatever NODE_ENV says: the compiler is one. npm's own pauses between tries are 10 and 60 s. */
const INSTALL = 'ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=http --fetch-retries=2 --fetch-retry-mintimeout=200 --fetch-retry-maxtimeout=1000'

const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ENETDOWN|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/
const UNWRITABLE = /\b(EACCES|EPERM|EROFS)\b/

/**
 * Installs and compiles, unless another process has done so meanwhile.
 * Throws an Error; its message is one sentence for what is usual: no network, no npm, a clone that this user may not write.
 *
 * @param {string} name begins what is said on stderr
 * @param {() => boolean} ready
 */
export async function setUp(name, ready) {
  await alone(name, async (task) => {
    if (ready()) return
    await installPackages(task)
    task.say('compiling …')
    const fresh = join(root, `dist.${process.pid}`)
    await run(task, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'src'), '--outDir', fresh])
    await run(task, process.execPath, [join(root, 'src/bin/pack.mjs'), join(fresh, 'src/bin')])
    // What was compiled, and what a set-up that was killed has left: we hold the lock.
    for (const entry of readdirSync(root)) if (/^dist\.\d+$/.test(entry)) rmSync(join(root, entry), { recursive: true, force: true })
  })
}

/**
 * Installs the packages of the lock file, unless they are there. Throws as `setUp` does.
 *
 * @param {string} name
 */
export async function install(name) {
  if (!installed()) await alone(name, installPackages)
}

/** Every package that the lock file wants, on whatever platform, is in node_modules, at that version. */
function installed() {
  const read = (/** @type {string} */ file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false
  const have = read('node_modules/.package-lock.json')
  return Object.entries(read('package-lock.json')).every(
    ([path, want]) => path === '' || want.optional || want.devOptional || have[path]?.version === want.version,
  )
}

/** @typedef {{ say: (text: string) => void, signal: AbortSignal }} Task */

/**
 * @param {string} name
 * @param {(task: Task) => Promise<void>} work
 */
async function alone(name, work) {
  const say = (/** @type {string} */ text) => void process.stderr.write(`${name}: ${text}\n`)
  try {
    await exclusively(join(root, '.setup.lock'), say, (signal) => work({ say, signal }))
  } catch (error) {
    throw UNWRITABLE.test(error.code) ? unwritable(error.code) : error
  }
}

/** @param {Task} task */
async function installPackages({ say, signal }) {
  if (installed()) return
  say('first use, installing packages with npm ci …')
  const seconds = (/** @type {number} */ ms) => `${ms / 1000} s`
  const giveUp = new AbortController()
  const timers = [
    setTimeout(() => say(`no answer from the registry of npm in ${seconds(LIMITS.silence)}, waiting for ${seconds(LIMITS.answer)} …`), LIMITS.silence),
    setTimeout(() => giveUp.abort(unreachable(`no answer in ${seconds(LIMITS.answer)}`)), LIMITS.answer),
  ]
  const quiet = () => timers.forEach(clearTimeout)
  let answered = false
  let failed = false
  // npm says a line for each try that failed, each answer, and each package that it has kept.
  const hear = (/** @type {string} */ text) => {
    answered ||= /^npm http (fetch \w+ \d|cache )/m.test(text)
    if (answered) return quiet()
    const [, code] = (!failed && /^npm http fetch .* failed with (\w+)/m.exec(text)) || []
    if (!code) return
    failed = true
    quiet()
    timers.push(setTimeout(() => giveUp.abort(unreachable(code)), LIMITS.failed))
  }
  try {
    await run({ signal: AbortSignal.any([signal, giveUp.signal]) }, 'npm', INSTALL.split(' '), hear)
  } finally {
    quiet()
  }
}

/**
 * @param {Pick<Task, 'signal'>} task
 * @param {string} command
 * @param {string[]} args
 * @param {(text: string) => void} [heard]
 */
async function run({ signal }, command, args, heard) {
  const limit = AbortSignal.timeout(LIMITS.all)
  // By SIGKILL: after any other, npm waits for the names that it has asked for.
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], signal: AbortSignal.any([signal, limit]), killSignal: 'SIGKILL' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
      heard?.(text)
    })
  }
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve)).catch((error) => {
    if (signal.aborted) throw signal.reason
    if (limit.aborted) throw new Error(`expected ${command} ${args[0]} to end within ${LIMITS.all / 60_000} minutes, got no end in ${root}; run it there to see why`)
    throw error.code === 'ENOENT' ? new Error(`expected ${command} on PATH, got none; install Node with npm from https://nodejs.org`) : error
  })
  if (code === 0) return
  const errors = said.replace(/^npm http .*\n/gm, '').trim()
  const [, net] = UNREACHABLE.exec(errors) ?? []
  const [, right] = UNWRITABLE.exec(errors) ?? []
  if (net) throw unreachable(net)
  if (right) throw unwritable(right)
  throw new Error(`'${command} ${args.join(' ')}' failed with exit code ${code} in ${root}; run it there to see why:\n${errors}`)
}

/** @param {string} why */
function unreachable(why) {
  return new Error(`cannot reach the registry of npm (${why}), from which the first use of a clone installs packages; repeat it with a network`)
}

/** @param {string} why */
function unwritable(why) {
  return new Error(
    `cannot write to ${root} (${why}), where the first use of a clone installs packages and compiles; `
      + 'repeat it as a user who may write there, or install the tarball that `npm pack` makes',
  )
}
