import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { ROOT, workplace } from '../process.ts'
import type { Block, Shown } from './blocks.ts'
import { blocksOf, commandsOf } from './blocks.ts'

/** Lines of `sh` blocks that are not run, and why. */
export const NOT_RUN: Record<string, string> = {
  './bluesky --simulate --for 30s | ./handle-stream && ./periodic': 'readme.test.ts runs it on a fresh clone; it takes half a minute',
  './bluesky | ./handle-stream': 'it needs the network; source/resume.test.ts runs it against a server',
  'watch -n 30 ./periodic': 'it does not end',
  'duckdb -init queries/lake.sql': 'a shell; metrics/lake-sql.test.ts starts it',
  'cat metrics/users-per-day.csv | uplot bar -d, -H': 'YouPlot is not there',
  'npm ci': 'this test runs in what it installs',
  'npm run build': 'this test runs in what it builds',
}

/** Languages whose blocks nothing here can run, and who does, or why nobody. */
export const OTHERS: Record<string, string> = {
  text: 'pictures, paths and output that changes',
  crontab: 'scheduling.test.ts',
  ini: 'scheduling.test.ts',
  python: 'scheduling.test.ts',
  yaml: 'documents.test.ts parses them',
}

/** One thing that the script of a document does: a block, or one command of it. */
export interface Step {
  block: Block
  script: string
  /** Of a `console` block. */
  shown?: Shown
}

/** What a line of an `sh` block is without its comment. */
export function bare(line: string): string {
  return line.replace(/\s+#.*$/, '').trim()
}

/** A test is run by name in a text about tests: who runs it here would run tests in a test. */
const isTest = (line: string): boolean => /\bnode --test\b|\bdist\/test\//.test(line)

/** The steps of a document, in order, as one shell runs them, one after another. */
export function stepsOf(document: string): Step[] {
  return blocksOf(document).flatMap((block): Step[] => {
    const { language, text, saveAs } = block
    if (saveAs !== undefined) return [{ block, script: `mkdir -p ${dirname(saveAs)}\ncat > ${saveAs} <<'END-OF-FILE'\n${text}END-OF-FILE` }]
    // A script is a file: scheduling.test.ts runs the one that there is.
    if (language === 'sh' && text.startsWith('#!')) return []
    if (language === 'sh') {
      const script = text.split('\n').filter((line) => !(bare(line) in NOT_RUN) && !isTest(line)).join('\n').trim()
      return script === '' ? [] : [{ block, script }]
    }
    if (language === 'console') return commandsOf(block).map((shown) => ({ block, script: shown.command, shown }))
    if (language === 'sql' && !text.startsWith('/*')) return [{ block, script: `node ${join(ROOT, 'dist/test/docs/ask.js')} <<'END-OF-SQL'\n${text}END-OF-SQL` }]
    return []
  })
}

/** A directory with the executables, the queries and 20,000 events of a stream in it, to be copied for each document. */
export async function sample(t: TestContext): Promise<string> {
  const cwd = workplace(t)
  for (const name of ['bluesky', 'handle-stream', 'periodic', 'sluice']) symlinkSync(join(ROOT, name), join(cwd, name))
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  const { code, stderr } = await shell('./bluesky --simulate --events 20000 --rate 20 | ./handle-stream && ./periodic', cwd)
  if (code !== 0) throw new Error(stderr)
  return cwd
}

/** Runs a document in a copy of the sample. Gives what each step of a `console` block printed; throws where one fails. */
export async function runDocument(t: TestContext, document: string, from: string): Promise<Map<Step, string>> {
  const steps = stepsOf(document)
  if (steps.length === 0) return new Map()
  const home = workplace(t)
  const cwd = join(home, 'work')
  const out = join(home, 'out')
  cpSync(from, cwd, { recursive: true, verbatimSymlinks: true })
  mkdirSync(out)
  // A home with a checkout in it, for who works elsewhere.
  symlinkSync(ROOT, join(home, 'sluice'))
  const metrics = steps.flatMap(({ block: { saveAs = '' } }) => (saveAs.startsWith('queries/metrics/') ? [basename(saveAs, '.sql')] : []))
  const parts = steps.map(({ script }, index) => `echo ${index} > ${out}/last\n{\n${script}\n} > ${out}/${index}`)
  // Whatever metric it tells to write can be run.
  const last = metrics.length === 0 ? '' : `echo ${steps.length} > ${out}/last\n${join(ROOT, 'periodic')} --select ${metrics.join()}\n`
  writeFileSync(join(home, 'script'), `set -eo pipefail\n${parts.join('\n')}\n${last}`)
  const { code, stdout, stderr } = await shell(`exec bash ${join(home, 'script')}`, cwd, home)
  if (code !== 0) {
    const failed = steps[Number(readFileSync(join(out, 'last'), 'utf8'))]
    throw new Error(`${document}:${failed?.block.line ?? ' at its end'}: ${failed?.script ?? last} failed with ${code}: ${stderr}${stdout}`)
  }
  return new Map(steps.flatMap((step, index): [Step, string][] => (step.shown ? [[step, readFileSync(join(out, String(index)), 'utf8')]] : [])))
}

function shell(script: string, cwd: string, home = cwd): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', script], { cwd, env: { ...process.env, HOME: home, COLUMNS: '120', LINES: '' }, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve({ code, ...said })))
}

/** What differs from one run to the next: how long things took, and how long ago they were. */
export function settled(output: string): string {
  return output
    .replace(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, '…s')
    .replace(/\(\S+ ago\)/g, '(… ago)')
    .replace(/ +/g, ' ')
    .trimEnd()
}
