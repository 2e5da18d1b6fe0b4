import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../src/failure.ts'
import { ROOT } from './context.ts'
import { run } from './process.ts'

/** Of half a GB, and no dependency of the project. */
const PACKAGES = ['chdb@3.4.0']

/** Installs the packages of peers that are not the project's below .scratch. Says why where that is not possible. */
export async function prepareNode(): Promise<{ directory: string } | { missing: string }> {
  const directory = join(ROOT, '.scratch/bench-node')
  try {
    await mkdir(directory, { recursive: true })
    await run(['npm', 'install', '--silent', '--ignore-scripts', '--no-save', '--prefix', directory, ...PACKAGES], directory)
    return { directory }
  } catch (error) {
    return { missing: messageOf(error).slice(-200) }
  }
}
