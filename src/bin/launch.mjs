// Plain JavaScript: this is what runs before anything is installed or compiled.
import { spawn } from 'node:child_process'
import { existsSync, linkSync, readFileSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const lock = join(root, '.setup.lock')

/**
 * Runs one executable, after installing and compiling what it needs if this checkout has not done so.
 * Progress goes to stderr: stdout belongs to the data.
 *
 * @param {'bluesky' | 'handle-stream' | 'periodic' | 'sluice'} name
 */
export async function launch(name) {
  try {
    if (!supported(process.versions.node)) {
      throw new Error(`expected Node ^20.19, ^22.12 or >=23, got ${process.versions.node}; install a newer Node from https://nodejs.org`)
    }
    if (!installed() || !compiled()) await exclusively(name, setUp)
  } catch (error) {
    process.stderr.write(`${name}: ${error.message}\n`)
    process.exitCode = 69
    return
  }
  await import(new URL(`../../dist/packed/bin/${name}.js`, import.meta.url).href)
}

/** @param {string} version */
function supported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 23 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)
}

/** Every package the lock file wants at run time is in node_modules, at that version. */
function installed() {
  const read = (/** @type {string} */ file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false
  const have = read('node_modules/.package-lock.json')
  return Object.entries(read('package-lock.json')).every(
    ([path, want]) => path === '' || want.dev || want.optional || have[path]?.version === want.version,
  )
}

/** What was packed is newer than every source file. */
function compiled() {
  const built = join(root, 'dist/built')
  if (!existsSync(built)) return false
  const since = statSync(built).mtimeMs
  return readdirSync(join(root, 'src'), { recursive: true }).every((file) => statSync(join(root, 'src', String(file))).mtimeMs <= since)
}

async function setUp() {
  if (!installed()) {
    process.stderr.write('sluice: first use, installing packages with npm ci …\n')
    // Who has installed what tests need keeps it.
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const development = Object.keys(devDependencies).some((name) => existsSync(join(root, 'node_modules', name)))
    await run('npm', ['ci', ...(development ? [] : ['--omit=dev']), '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  if (!compiled()) {
    process.stderr.write('sluice: compiling …\n')
    const fresh = join(root, `dist.${process.pid}`)
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'src'), '--outDir', fresh])
    await run(process.execPath, [join(root, 'src/bin/pack.mjs'), join(fresh, 'src/bin')])
    removeStale()
  }
}

/** What was compiled, and what a set-up that was killed has left: we hold the lock. */
function removeStale() {
  for (const entry of readdirSync(root)) if (/^dist\.\d+$/.test(entry)) rmSync(join(root, entry), { recursive: true, force: true })
}

/**
 * @param {string} command
 * @param {string[]} args
 */
async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  child.stderr.on('data', (text) => (said += text))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code !== 0) throw new Error(`'${command} ${args.join(' ')}' failed with exit code ${code} in ${root}; run it there to see why:\n${said.trim()}`)
}

/**
 * Both sides of a pipe start together on a fresh clone: one sets up, the other waits.
 *
 * @param {string} name
 * @param {() => Promise<void>} work
 */
async function exclusively(name, work) {
  const mine = `${lock}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    for (let waited = false; !claim(mine); waited = true) {
      if (!waited) process.stderr.write(`${name}: waiting for another process to finish the installation …\n`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    try {
      await work()
    } finally {
      unlinkSync(lock)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** @param {string} mine */
function claim(mine) {
  try {
    linkSync(mine, lock)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const holder = owner(lock)
  if (holder === undefined || alive(holder)) return false
  // The holder died. Whoever moves its lock away checks that it was that one, not a newer claim.
  const moved = `${mine}.stale`
  try {
    renameSync(lock, moved)
    if (owner(moved) !== holder) linkSync(moved, lock)
    unlinkSync(moved)
  } catch {}
  return false
}

/** @param {string} file */
function owner(file) {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
