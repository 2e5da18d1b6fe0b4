import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../process.ts'
import { inParallel } from './drive.ts'
import type { Mutant } from './mutants.ts'
import { MUTANTS } from './mutants.ts'

/** Puts each mutant into a copy of the compiled program, where what is to find it must fail; it must not fail in a copy without. */
export async function killMutants({ lanes, say, only }: { lanes: number; say(text: string): void; only: string }): Promise<{ killed: string[]; alive: string[] }> {
  const root = mkdtempSync(join(tmpdir(), 'sluice-mutants-'))
  const mutants = MUTANTS.filter(({ name }) => name.includes(only))
  const killed: string[] = []
  let copies = 0
  try {
    const sound = copy(join(root, 'sound'))
    const finders = [...new Map(mutants.map(({ foundBy }) => [JSON.stringify(foundBy), foundBy])).values()]
    const wrong = await inParallel(finders, { lanes, name: (finder) => `without a mutant, ${JSON.stringify(finder)}` }, async (finder) => {
      const { code, said } = await find(sound, finder)
      assert.equal(code, 0, said)
    })
    if (wrong.length > 0) return { killed, alive: wrong }
    say(`mutants: without one, all ${finders.length} ways to find one are silent`)
    const alive = await inParallel(mutants, { lanes, name: ({ name }) => name }, async (mutant) => {
      const place = copy(join(root, String(++copies)))
      mutate(place, mutant)
      const { code, said } = await find(place, mutant.foundBy)
      assert.notEqual(code, 0, 'no test finds it')
      assert.doesNotMatch(said, /SyntaxError|ReferenceError/, 'it does not even run')
      killed.push(mutant.name)
      say(`mutants: ${mutant.name}: found`)
      rmSync(place, { recursive: true })
    })
    return { killed, alive }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function copy(to: string): string {
  mkdirSync(to)
  for (const name of ['dist', 'src', 'queries', 'test/data', 'package.json', 'package-lock.json', ...launchers()]) {
    cpSync(join(ROOT, name), join(to, name), { recursive: true })
  }
  // Newer than its sources, so that the launchers run it as it is.
  writeFileSync(join(to, 'dist', 'built'), '')
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'))
  return to
}

function launchers(): string[] {
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { bin: Record<string, string> }
  return readdirSync(ROOT).filter((name) => name in bin)
}

function mutate(place: string, { name, file, from, to }: Mutant): void {
  const path = join(place, 'dist', 'src', file)
  const text = readFileSync(path, 'utf8')
  const times = text.split(from).length - 1
  assert.equal(times, 1, `${name}: the text to replace is ${times} times in ${file}`)
  writeFileSync(path, text.replace(from, () => to))
  execFileSync(process.execPath, [join(place, 'src', 'bin', 'pack.mjs'), join(place, 'dist', 'src', 'bin')])
}

async function find(place: string, finder: Mutant['foundBy']): Promise<{ code: number | null; said: string }> {
  const tests = join(place, 'dist', 'test')
  const args = 'file' in finder
    ? ['--test', ...(finder.test ? ['--test-name-pattern', finder.test] : []), join(tests, finder.file)]
    : [join(tests, 'faults', 'try.js'), ...finder]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  return { code, said }
}
