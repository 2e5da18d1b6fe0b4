import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../process.ts'
import { installByApt, mayInstall } from './apt.ts'

const execute = promisify(execFile)

/** The one that @duckdb/node-api wraps. */
export const VERSION = '1.5.5'

const CACHE = join(ROOT, '.scratch', `duckdb-cli-${VERSION}`)

/** Whatever can install a wheel: no npm package and no Debian package ships the DuckDB CLI, PyPI's duckdb-cli does. */
const INSTALLERS: [string, (target: string) => string[]][] = [
  ['python3', (target) => ['-m', 'pip', 'install', ...pipOptions(target)]],
  ['python', (target) => ['-m', 'pip', 'install', ...pipOptions(target)]],
  ['pip3', (target) => ['install', ...pipOptions(target)]],
  ['pip', (target) => ['install', ...pipOptions(target)]],
  ['uv', (target) => ['pip', 'install', '--target', target, `duckdb-cli==${VERSION}`]],
]

function pipOptions(target: string): string[] {
  return ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--target', target, `duckdb-cli==${VERSION}`]
}

/**
 * The path of the real DuckDB CLI: one on PATH of the right version, or installed once below .scratch/.
 * Throws, with what was tried, where there is none: a test of it must fail rather than be skipped.
 */
export async function duckdbCli(): Promise<string> {
  const cached = join(CACHE, 'duckdb_cli', 'duckdb')
  if (await runs(cached)) return cached
  if (await runs('duckdb')) return 'duckdb'
  const tried = await install()
  if (await runs(cached)) return cached
  throw new Error(
    `expected the DuckDB CLI ${VERSION} on PATH or a pip to install it with, got neither; install python3-pip or duckdb. Tried:\n${tried.join('\n')}`,
  )
}

async function runs(command: string): Promise<boolean> {
  try {
    const { stdout } = await execute(command, ['--version'])
    return stdout.startsWith(`v${VERSION} `)
  } catch {
    return false
  }
}

/** Beside, then renamed: test files run in parallel, and the first that is done wins. */
async function install(): Promise<string[]> {
  await mkdir(join(CACHE, '..'), { recursive: true })
  const beside = await mkdtemp(`${CACHE}.`)
  const tried: string[] = []
  try {
    for (const [command, args] of await installers()) {
      try {
        await execute(command, args(beside), { timeout: 180_000 })
        await access(join(beside, 'duckdb_cli', 'duckdb'), constants.X_OK)
        await rename(beside, CACHE).catch(() => {})
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
async function installers(): Promise<typeof INSTALLERS> {
  const script = `${installByApt('python3-pip')} && exec python3 -m pip install "$@"`
  const apt: [string, (target: string) => string[]] = ['sh', (target) => ['-c', script, 'sh', ...pipOptions(target)]]
  return mayInstall() ? [...INSTALLERS, apt] : INSTALLERS
}
