// What the four executables start. Plain JavaScript: in a clone it runs before anything is installed or compiled.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Runs one executable; in a clone, after installing and compiling what has changed since the last time.
 *
 * @param {'bluesky' | 'handle-stream' | 'periodic' | 'sluice'} name
 */
export async function launch(name) {
  try {
    if (!supported(process.versions.node)) {
      throw new Error(`expected Node ^20.19, ^22.12 or >=23, got ${process.versions.node}; install a newer Node from https://nodejs.org`)
    }
    // Only a clone has it: npm never packs it.
    if (existsSync(join(root, 'package-lock.json')) && !ready()) {
      const { setUp } = await import('./set-up.mjs')
      await setUp(name, ready)
    }
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

/** What was packed is newer than all that it was made from, and the few packages that are not packed are installed. */
function ready() {
  const built = statSync(join(root, 'dist/built'), { throwIfNoEntry: false })
  if (built === undefined) return false
  const sources = readdirSync(join(root, 'src'), { recursive: true }).map((file) => join('src', String(file)))
  if (!['package-lock.json', ...sources].every((file) => statSync(join(root, file)).mtimeMs <= built.mtimeMs)) return false
  return Object.entries(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies).every(([name, version]) => {
    const manifest = join(root, 'node_modules', name, 'package.json')
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version
  })
}
