import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../process.ts'
import { installByApt, mayInstall } from './apt.ts'

const execute = promisify(execFile)

/** Whatever can install a wheel. */
const INSTALLERS: [string, (requirement: string, target: string) => string[]][] = [
  ['python3', (requirement, target) => ['-m', 'pip', 'install', ...pipOptions(requirement, target)]],
  ['python', (requirement, target) => ['-m', 'pip', 'install', ...pipOptions(requirement, target)]],
  ['pip3', (requirement, target) => ['install', ...pipOptions(requirement, target)]],
  ['pip', (requirement, target) => ['install', ...pipOptions(requirement, target)]],
  ['uv', (requirement, target) => ['pip', 'install', '--target', target, requirement]],
]

function pipOptions(requirement: string, target: string): string[] {
  return ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--target', target, requirement]
}

/** Where a wheel such as `duckdb==2.0.1` is once it is installed: below .scratch/, beside others. */
export function wheelDirectory(requirement: string): string {
  return join(ROOT, '.scratch', requirement.replace('==', '-'))
}

/**
 * Installs a wheel into its directory, and says what was tried. Beside it first, then renamed: test files run in parallel, and the first that is
 * done wins. Whoever needs it looks for itself whether it is there now.
 */
export async function installWheel(requirement: string, isWhole: (directory: string) => Promise<unknown>): Promise<string[]> {
  const directory = wheelDirectory(requirement)
  await mkdir(join(directory, '..'), { recursive: true })
  const beside = await mkdtemp(`${directory}.`)
  const tried: string[] = []
  try {
    for (const [command, args] of installers()) {
      try {
        await execute(command, args(requirement, beside), { timeout: 180_000 })
        await isWhole(beside)
        await rename(beside, directory).catch(() => {})
        return tried
      } catch (error) {
        tried.push(`${command}: ${(error as Error).message.trim().split('\n').at(-1)}`)
      }
    }
    return tried
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

/** A bare Debian has no pip; in CI, where nobody else will, it is installed by root. */
function installers(): typeof INSTALLERS {
  const script = `${installByApt('python3-pip')} && exec python3 -m pip install "$@"`
  const apt: (typeof INSTALLERS)[number] = ['sh', (requirement, target) => ['-c', script, 'sh', ...pipOptions(requirement, target)]]
  return mayInstall() ? [...INSTALLERS, apt] : INSTALLERS
}
