import { rename, stat } from 'node:fs/promises'
import { codeOf } from '../failure.ts'

/** Whether a file of the one directory can be renamed into the other; undefined where one of them is missing. */
export async function sameFilesystem(lake: string, state: string): Promise<boolean | undefined> {
  const [a, b] = await Promise.all([lake, state].map((path) => stat(path).catch(() => undefined)))
  if (!a || !b) return undefined
  return a.dev === b.dev && !(await crossesMounts(state, lake))
}

/**
 * One filesystem can be mounted twice, and no rename goes from mount to mount. Linux says so before it says that `.` cannot be renamed:
 * nothing is renamed, and nobody sees anything of it.
 */
async function crossesMounts(from: string, to: string): Promise<boolean> {
  return rename(`${from}/.`, `${to}/.`).then(() => false, (error: unknown) => codeOf(error) === 'EXDEV')
}
