import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../src/failure.ts'
import { ROOT } from './context.ts'
import type { Command } from './process.ts'
import { run } from './process.ts'

const PEERS = join(ROOT, 'bench/peers')
const VENV = join(ROOT, '.scratch/bench-venv')
const PYTHON = join(VENV, 'bin/python')

/** Installs packages at the versions of a file of `bench/peers` below .scratch. Says why where that is not possible. */
export async function preparePython(requirements = 'requirements.txt'): Promise<{ version: string } | { missing: string }> {
  try {
    await mkdir(VENV, { recursive: true })
    if (!existsSync(PYTHON)) await run(['python3', '-m', 'venv', VENV], ROOT)
    // All of the files each time, so that one does not change the versions of another.
    await run([PYTHON, '-m', 'pip', 'install', '--quiet', '--requirement', join(PEERS, 'requirements.txt'), '--requirement', join(PEERS, requirements)], ROOT)
    return { version: (await run([PYTHON, '-c', 'import platform; print(platform.python_version())'], ROOT)).trim() }
  } catch (error) {
    return { missing: messageOf(error).slice(-200) }
  }
}

/** A program of `bench/peers`. */
export function python(name: string, ...args: string[]): Command {
  return [PYTHON, join(PEERS, `${name}.py`), ...args]
}

/** A command that a package installed. */
export function installed(name: string, ...args: string[]): Command {
  return [join(VENV, 'bin', name), ...args]
}
