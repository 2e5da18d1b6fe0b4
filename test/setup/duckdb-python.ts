import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { installWheel, wheelDirectory } from './wheel.ts'

const execute = promisify(execFile)

/** Runs a Python script that can `import duckdb`, of this version from PyPI, in a directory; what it prints. */
export type Python = (script: string, args: readonly string[], cwd: string) => Promise<string>

/** DuckDB of a version in Python, installed once below .scratch/. Throws where it cannot be: a test of it must fail rather than be skipped. */
export async function duckdbPython(version: string): Promise<Python> {
  const wheel = `duckdb==${version}`
  const ask = async (directory: string, script: string, args: readonly string[], cwd: string): Promise<string> => {
    const { stdout } = await execute('python3', ['-c', script, ...args], { cwd, env: { ...process.env, PYTHONPATH: directory }, maxBuffer: 1 << 26 })
    return stdout
  }
  const check = async (directory: string): Promise<void> => {
    const found = (await ask(directory, 'import duckdb; print(duckdb.__version__)', [], '/')).trim()
    if (found !== version) throw new Error(`expected duckdb ${version}, got ${found}`)
  }
  const directory = wheelDirectory(wheel)
  if (!(await isTrue(check(directory)))) {
    const tried = await installWheel(wheel, check)
    await check(directory).catch((error: unknown) => {
      throw new Error(`expected python3 and a pip to install ${wheel} with, got neither; install python3-pip. Tried:\n${tried.join('\n')}`, { cause: error })
    })
  }
  return (script, args, cwd) => ask(directory, script, args, cwd)
}

function isTrue(check: Promise<void>): Promise<boolean> {
  return check.then(() => true, () => false)
}
