import { run } from '../process.ts'

/** A line of `sluice test --json`. */
export interface Line {
  test: string
  kind: string
  of: string
  status: 'pass' | 'warn' | 'fail' | 'skipped'
  ms: number
  rows: number | null
  kept: string | null
  because?: string
  ageSeconds?: number
  problem: { file: string; line?: number; message: string; excerpt?: string } | null
}

export interface Summary {
  tests: number
  pass: number
  warn: number
  fail: number
  skipped: number
}

/** Runs `sluice test --json`. */
export async function sluiceTest(cwd: string, ...args: string[]): Promise<{ code: number | null; stderr: string; tests: Line[]; summary: Summary }> {
  const { code, stdout, stderr } = await run('sluice', ['test', '--json', ...args], { cwd })
  const lines = stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as unknown)
  return { code, stderr, tests: lines.slice(0, -1) as Line[], summary: lines.at(-1) as Summary }
}
