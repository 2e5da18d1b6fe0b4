import { execFile } from 'node:child_process'
import { cp, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './process.ts'

/** Copies what a fresh clone of this checkout would have, but for its tests, to a directory. */
export async function clone(to: string): Promise<void> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  const files = stdout.split('\0').filter((name) => name !== '' && !name.startsWith('test/'))
  await Promise.all(files.map(async (file) => {
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(join(ROOT, file), join(to, file))
  }))
}
