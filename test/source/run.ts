import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcessWithoutNullStreams
  /** What it has said so far. */
  stdout: () => string
  stderr: () => string
  finished: Promise<Finished>
}

export interface RunOptions {
  /** Bytes for stdin, which ends after them. Absent: it ends at once. */
  input?: Buffer | string
  /** False leaves stdout unread until somebody reads it. */
  read?: boolean
}

/** Starts `./bluesky` in an empty directory, without any settings of ours. */
export function start(args: readonly string[], { input = '', read = true }: RunOptions = {}): Running {
  const cwd = mkdtempSync(join(tmpdir(), 'bluesky-'))
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')))
  const child = spawn(join(ROOT, 'bluesky'), args, { cwd, env })
  const out: Buffer[] = []
  const err: Buffer[] = []
  if (read) child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const stdout = (): string => Buffer.concat(out).toString()
  const stderr = (): string => Buffer.concat(err).toString()
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      rmSync(cwd, { recursive: true })
      resolve({ code, signal, stdout: stdout(), stderr: stderr() })
    })
  })
  return { child, stdout, stderr, finished }
}

export function run(args: readonly string[], options?: RunOptions): Promise<Finished> {
  return start(args, options).finished
}

/** Waits for something to come of a process; fails with what the process said if it ends before. */
export async function until({ child, stderr }: Running, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended with ${child.exitCode ?? child.signalCode}: ${stderr()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}
