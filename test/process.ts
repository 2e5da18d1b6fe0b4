import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Result {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** An empty working directory, removed after the test. */
export function workplace(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface Running {
  child: ChildProcess
  ended: Promise<Result>
  /** What it has written so far. */
  said: { stdout: string; stderr: string }
}

/** Starts one of the executables at the root; its stdin is `stdin`, or a socket that the caller writes and ends. */
export function start(name: string, args: readonly string[], options: { cwd: string; env?: Record<string, string>; stdin?: number | Socket }): Running {
  const child = spawn(join(ROOT, name), args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: [options.stdin ?? 'pipe', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  // Writing to a process that has ended is for the caller to notice by its exit code.
  child.stdin?.on('error', () => {})
  const ended = new Promise<Result>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...said }))
  })
  return { child, said, ended }
}

/** Runs one of the executables to its end, with this input. */
export async function run(name: string, args: readonly string[], options: { cwd: string; env?: Record<string, string>; input?: string | Uint8Array }): Promise<Result> {
  const { child, ended } = start(name, args, options)
  child.stdin?.end(options.input ?? '')
  return ended
}

/** Waits until `condition` holds; fails with `what` after `limit` ms. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  for (const end = Date.now() + limit; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
