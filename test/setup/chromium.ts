import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { installByApt, mayInstall } from './apt.ts'

const execute = promisify(execFile)

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']

/**
 * The command of a Chromium: one that is there, or Debian's.
 * Throws where there is none: a test of what a browser shows must fail rather than be skipped.
 */
export async function chromium(): Promise<string> {
  const found = await first()
  if (found !== undefined) return found
  let said = 'nothing was tried, since this is not CI'
  if (mayInstall()) said = await execute('sh', ['-c', installByApt('chromium')], { timeout: 300_000 }).then(() => '', (error: Error) => error.message)
  const installed = await first()
  if (installed !== undefined) return installed
  throw new Error(`expected a Chromium on PATH (${NAMES.join(', ')}), got none; install it, on Debian: apt-get install chromium. ${said}`)
}

async function first(): Promise<string | undefined> {
  for (const name of NAMES) {
    if (await execute(name, ['--version']).then(({ stdout }) => /^(Chromium|Google Chrome) \d/.test(stdout.trim()), () => false)) return name
  }
  return undefined
}
