import type { StdioOptions } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, rmSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type Command = readonly [string, ...string[]]

/** What one process used. Undefined where the system has no /proc. */
export interface Usage {
  /** Most physical memory it held at one time, bytes. */
  peak: number | undefined
  /** User and system time, ms. */
  cpu: number | undefined
  /** From its start to its end, ms. */
  elapsed: number
}

export interface Measured {
  /** From the start of the first process to the end of the last, ms. */
  wall: number
  /** One for each command, in order. */
  usage: Usage[]
  /** Of the last process, unless it went into a file. */
  stdout: string
}

/** How often a process is looked at, ms: what it grows by in its last moments is not seen. */
const EVERY = 20

/** What was read of a process so far. */
type Seen = Pick<Usage, 'peak' | 'cpu'>

/**
 * Runs `first | second | …` in a directory to its end. Every process is a child of this one, so that each can be
 * looked at, and the pipes between them are those a shell makes (Node's own are sockets). Throws if any of them fails.
 */
export async function measure(pipeline: readonly Command[], options: { cwd: string; into?: string }): Promise<Measured> {
  const between = await Promise.all(pipeline.slice(1).map((_, place) => pipe(join(options.cwd, `.pipe-${place}`))))
  const output = options.into === undefined ? 'pipe' : openSync(options.into, 'w')
  const begin = performance.now()
  const running = pipeline.map((command, place) =>
    start(command, { cwd: options.cwd, stdio: [between[place - 1]?.read ?? 'ignore', between[place]?.write ?? output, 'pipe'] }),
  )
  for (const fd of [...between.flatMap(({ read, write }) => [read, write]), ...(output === 'pipe' ? [] : [output])]) closeSync(fd)
  const ended = await Promise.allSettled(running)
  // Where several fail, the last of them broke the pipe of the others.
  const failed = ended.findLast((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  const ends = ended.map((end) => (end as PromiseFulfilledResult<Ended>).value)
  return {
    wall: Math.max(...ends.map(({ at }) => at)) - begin,
    usage: ends.map(({ usage }) => usage),
    stdout: ends.at(-1)?.stdout ?? '',
  }
}

/** One process alone. */
export async function run(command: Command, cwd: string): Promise<string> {
  return (await measure([command], { cwd })).stdout
}

interface Ended {
  usage: Usage
  stdout: string
  at: number
}

async function start([file, ...args]: Command, options: { cwd: string; stdio: StdioOptions }): Promise<Ended> {
  const begin = performance.now()
  const child = spawn(file, args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)))
  let seen: Seen = { peak: undefined, cpu: undefined }
  const look = setInterval(() => (seen = { ...seen, ...lookAt(child.pid) }), EVERY)
  let at = 0
  child.on('exit', () => {
    at = performance.now()
    clearInterval(look)
  })
  const how = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? String(signal)))
  })
  clearInterval(look)
  if (how !== 0) throw new Error(`'${[file, ...args].join(' ')}' ended with ${how}${stderr === '' ? '' : `: ${stderr.trim()}`}`)
  return { usage: { ...seen, elapsed: at - begin }, stdout, at }
}

/** Ticks a second of the times in /proc: the same on every Linux that Node runs on. */
const TICKS = 100

/**
 * Memory is VmHWM, which belongs to what the process runs now: getrusage's maxrss, as GNU time shows it,
 * begins with that of the parent at the fork.
 */
function lookAt(pid: number | undefined): Partial<Seen> {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    // Fields 14 and 15; the second field is the name in parentheses, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
    const cpu = ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
    return peak === undefined ? { cpu } : { peak: Number(peak) * 1024, cpu }
  } catch {
    return {}
  }
}

/** Both ends of a new pipe, blocking. It has a name only until both are open. */
async function pipe(path: string): Promise<{ read: number; write: number }> {
  await promisify(execFile)('mkfifo', [path])
  // Opening one end waits for the other, except where both are opened as one.
  const both = openSync(path, constants.O_RDWR)
  const ends = { read: openSync(path, 'r'), write: openSync(path, 'w') }
  closeSync(both)
  rmSync(path)
  return ends
}

/** Writes back what earlier processes left to be written: it is theirs and not to slow the next one. */
export async function settle(): Promise<void> {
  await promisify(execFile)('sync')
}

/** Bytes of the files below a directory whose name has this ending. What compaction has replaced is behind symlinks, which are not followed. */
export async function bytesBelow(directory: string, ending: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(ending))
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
