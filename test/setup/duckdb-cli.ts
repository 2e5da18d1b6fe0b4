import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installWheel, wheelDirectory } from './wheel.ts'

const execute = promisify(execFile)

/** The one that @duckdb/node-api wraps. */
export const VERSION = '1.5.5'

/** No npm package and no Debian package ships the DuckDB CLI, PyPI's duckdb-cli does. */
const WHEEL = `duckdb-cli==${VERSION}`

const commandIn = (directory: string): string => join(directory, 'duckdb_cli', 'duckdb')

/**
 * The path of the real DuckDB CLI: one on PATH of the right version, or installed once below .scratch/.
 * Throws, with what was tried, where there is none: a test of it must fail rather than be skipped.
 */
export async function duckdbCli(): Promise<string> {
  const cached = commandIn(wheelDirectory(WHEEL))
  if (await runs(cached)) return cached
  if (await runs('duckdb')) return 'duckdb'
  const tried = await installWheel(WHEEL, (directory) => access(commandIn(directory), constants.X_OK))
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
