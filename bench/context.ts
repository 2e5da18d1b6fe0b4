import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatCount } from '../src/quantity.ts'
import type { Command } from './process.ts'
import { measure, settle } from './process.ts'
import type { Row } from './table.ts'

/** One part of the bench: figures that belong together, measured one way. */
export interface Scenario {
  name: string
  describe: string
  run(bench: Bench): Promise<Row[]>
}

export interface Sizes {
  /** Lines of the main input. */
  events: number
  /** Lines of the longer run under which memory must not grow. */
  long: number
  /** Seconds of the live run. */
  live: number
  rounds: number
  /** Events that a lake already has when ten seconds more arrive. */
  histories: number[]
}

/** What every scenario works with. */
export interface Bench {
  sizes: Sizes
  quick: boolean
  /** Runs on a directory that is new and empty, and removed afterwards. */
  inScratch<T>(work: (directory: string) => Promise<T>): Promise<T>
  /** A file of simulated lines, the same for the same number. */
  input(events: number): Promise<string>
  say(text: string): void
}

/** The repository: compiled files may lie at any depth below it. */
export const ROOT = nearest(dirname(fileURLToPath(import.meta.url)))

/** Of one run, or what an interrupted one left: up to 10 GB. */
const SCRATCH = join(ROOT, '.scratch/bench-run')

function nearest(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : nearest(dirname(directory))
}

/** One of Sluice's executables, as users call it. */
export function sluice(name: 'bluesky' | 'handle-stream' | 'periodic' | 'sluice', ...args: string[]): Command {
  return [join(ROOT, name), ...args]
}

/** At 1,000 events a second of the stream's own time. */
export function simulate(events: number, start?: Date): Command {
  return sluice('bluesky', '--simulate', '--seed', '1', '--events', String(events), ...(start === undefined ? [] : ['--start', start.toISOString()]))
}

/** A compiled program of `bench/peers`. */
export function peer(name: string, ...args: string[]): Command {
  return [process.execPath, fileURLToPath(new URL(`peers/${name}.js`, import.meta.url)), ...args]
}

export async function withBench<T>(settings: Pick<Bench, 'sizes' | 'quick' | 'say'>, work: (bench: Bench) => Promise<T>): Promise<T> {
  await rm(SCRATCH, { recursive: true, force: true })
  await mkdir(SCRATCH, { recursive: true })
  const inputs = new Map<number, Promise<string>>()

  async function generate(events: number): Promise<string> {
    const into = join(SCRATCH, `${events}.ndjson`)
    const { wall } = await measure([simulate(events)], { cwd: SCRATCH, into })
    settings.say(`simulated ${formatCount(events)} lines in ${(wall / 1000).toFixed(1)} s`)
    return into
  }

  try {
    return await work({
      ...settings,
      async inScratch(work) {
        const directory = await mkdtemp(join(SCRATCH, 'part-'))
        try {
          await settle()
          return await work(directory)
        } finally {
          await rm(directory, { recursive: true })
        }
      },
      input(events) {
        const known = inputs.get(events) ?? generate(events)
        inputs.set(events, known)
        return known
      },
    })
  } finally {
    await rm(SCRATCH, { recursive: true })
  }
}
