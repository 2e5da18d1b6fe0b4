import type { ChildProcessByStdio } from 'node:child_process'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'node:test'
import { openEngine, quote } from '../../src/duckdb.ts'
import { columnDefinitions } from '../../src/lake/schema.ts'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Result {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** An empty working directory, removed after the test. */
export function workplace(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'periodic-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Writes files by their paths below a directory. */
export function write(directory: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
}

/** A name of the lake's for a file that a test calls so. */
export function batch(name: string): string {
  return `20260704T000000000Z-${name.padEnd(6, '0')}-00000001.parquet`
}

/** Puts the rows of a SELECT, which may leave out columns of events, into Parquet files of the lake: one per hour, by rename. */
export async function addToLake(directory: string, select: string, name = 'a'): Promise<string[]> {
  const engine = await openEngine({ threads: 1 })
  try {
    const session = await engine.connect()
    await session.run(`CREATE TABLE events (${columnDefinitions()})`)
    await session.run(`INSERT INTO events BY NAME ${select}`)
    const hours = await session.rows<{ date: string; hour: string }>(
      "SELECT DISTINCT strftime(event_time, '%Y-%m-%d') AS date, strftime(event_time, '%H') AS hour FROM events ORDER BY ALL",
    )
    const files: string[] = []
    for (const { date, hour } of hours) {
      const file = join(directory, 'lake', `date=${date}`, `hour=${hour}`, '0', batch(name))
      mkdirSync(dirname(file), { recursive: true })
      const temporary = join(directory, `${name}.tmp`)
      await session.run(`COPY (FROM events WHERE strftime(event_time, '%Y-%m-%d %H') = ${quote(`${date} ${hour}`)}) TO ${quote(temporary)} (FORMAT parquet)`)
      renameSync(temporary, file)
      files.push(file)
    }
    return files
  } finally {
    engine.close()
  }
}

export function start(cwd: string, args: readonly string[] = [], env: Record<string, string> = {}): ChildProcessByStdio<null, Readable, Readable> {
  const { COLUMNS: _, LINES: __, ...rest } = process.env
  return spawn(join(ROOT, 'periodic'), [...args], { cwd, env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
}

export function ended(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Result> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

export function periodic(cwd: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Result> {
  return ended(start(cwd, args, env))
}

/** Waits for a condition, looked at every 20 ms; fails after half a minute. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 30_000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function exists(...path: string[]): boolean {
  return existsSync(join(...path))
}
