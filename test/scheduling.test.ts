import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { acquire } from '../src/lake/lock.ts'
import { ROOT, workplace } from './process.ts'
import { addToLake } from './query/workplace.ts'

/** What docs/ says of scheduling, and of a hook of git. */
const DOCS = ['operations.md', 'cli.md'].map((name) => readFileSync(join(ROOT, 'docs', name), 'utf8')).join('\n')
const HOME = '/srv/sluice'

/** The text of the fenced block of this language that holds this. */
function block(language: string, holding: string): string {
  const texts = [...DOCS.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text as string)
  const found = texts.filter((text) => text.includes(holding))
  assert.equal(found.length, 1, `one block of ${language} with ${holding}`)
  return found[0] as string
}

/** A place like the documents' /srv/sluice, with a lake of one event and one metric. */
async function place(t: TestContext): Promise<string> {
  const cwd = workplace(t)
  for (const name of ['periodic', 'sluice']) symlinkSync(join(ROOT, name), join(cwd, name))
  mkdirSync(join(cwd, 'queries', 'metrics'), { recursive: true })
  writeFileSync(metric(cwd), 'select count(*) as n from events\n')
  await addToLake(cwd, "SELECT TIMESTAMPTZ '2026-07-04 10:00:00+00' AS event_time")
  return cwd
}

function metric(cwd: string): string {
  return join(cwd, 'queries', 'metrics', 'count.sql')
}

/** Whatever a snippet starts must end with 0 when all is well, 75 when a periodic is running, 1 when a model is broken. */
async function assertCodes(cwd: string, start: () => number | null): Promise<void> {
  assert.equal(start(), 0)
  assert.equal(readFileSync(join(cwd, 'metrics', 'count.csv'), 'utf8'), 'n\n1\n')
  const lock = await acquire(join(cwd, '.sluice', 'periodic.lock'), Date.now())
  assert.ok(lock)
  try {
    assert.equal(start(), 75)
  } finally {
    lock.release()
  }
  writeFileSync(metric(cwd), 'select nosuch from events\n')
  assert.equal(start(), 1)
}

test("cron: the documented line has five fields, and its command runs in cron's shell and environment", async (t) => {
  const lines = block('crontab', 'periodic').trimEnd().split('\n')
  const [variable = '', entry = ''] = lines
  assert.equal(lines.length, 2)
  assert.match(variable, /^PATH=[\w/:]+$/)
  const [, fields = '', command = ''] = /^((?:\S+ ){5})(.*)$/.exec(entry) ?? []
  const ranges = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]] as const
  for (const [index, field] of fields.trim().split(' ').entries()) assertField(field, ranges[index] as readonly [number, number])
  // cron turns a % into a line's end.
  assert.doesNotMatch(command, /%/)
  const cwd = await place(t)
  const path = `${variable.slice('PATH='.length)}:${join(process.execPath, '..')}`
  const start = (): number | null => spawnSync('/bin/sh', ['-c', command.replace(HOME, cwd)], { cwd: '/', env: { HOME: '/', SHELL: '/bin/sh', PATH: path } }).status
  await assertCodes(cwd, start)
  const log = readFileSync(join(cwd, 'periodic.log'), 'utf8')
  assert.match(log, /^lake: 1 file, 1 event[^]*another periodic[^]*count\.sql:1: Binder Error/)
})

/** crontab(5): a list of *, numbers and ranges, with steps. */
function assertField(field: string, [least, most]: readonly [number, number]): void {
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/[1-9]\d*)?$/.exec(part)
    assert.ok(match, `${field} is no field of a crontab`)
    for (const number of match.slice(1)) assert.ok(number === undefined || (Number(number) >= least && Number(number) <= most), `${field} is not in ${least}-${most}`)
  }
}

/** What the documented units may say; systemd-analyze knows all of it, where there is one. */
const KEYS: Record<string, string[]> = {
  Unit: ['Description'],
  Service: ['Type', 'User', 'WorkingDirectory', 'ExecStart', 'SuccessExitStatus'],
  Timer: ['OnCalendar', 'AccuracySec'],
  Install: ['WantedBy'],
}

test("systemd: the documented units are valid, and the service takes 75 for success", async (t) => {
  const cwd = await place(t)
  const units = ['sluice.service', 'sluice.timer'].map((name) => {
    const text = block('ini', `# /etc/systemd/system/${name}\n`)
    return { name, values: parseUnit(text), text: text.replaceAll(HOME, cwd).replace(/^User=.*\n/m, '') }
  })
  const [service, timer] = units.map(({ values }) => values)
  assert.equal(service?.get('Service.WorkingDirectory'), HOME)
  assert.equal(service?.get('Service.Type'), 'oneshot')
  assert.equal(service?.get('Service.SuccessExitStatus'), '75')
  assert.equal(timer?.get('Install.WantedBy'), 'timers.target')

  if (spawnSync('systemd-analyze', ['--version']).status === 0) {
    for (const { name, text } of units) writeFileSync(join(cwd, name), text)
    // What it says of the units of this machine is theirs.
    const verify = (): string[] => spawnSync('systemd-analyze', ['verify', ...units.map(({ name }) => join(cwd, name))], { encoding: 'utf8' })
      .stderr.split('\n').filter((line) => /sluice\.(service|timer)/.test(line))
    assert.deepEqual(verify(), [])
    // It does look.
    writeFileSync(join(cwd, 'sluice.timer'), (units[1]?.text ?? '').replace('OnCalendar=', 'OnCalendar=every '))
    assert.notDeepEqual(verify(), [])
  } else t.diagnostic('no systemd-analyze: keys are checked, and not values')

  const [command = '', ...args] = (service?.get('Service.ExecStart') ?? '').replaceAll(HOME, cwd).split(' ')
  await assertCodes(cwd, () => spawnSync(command, args, { cwd }).status)
})

function parseUnit(text: string): Map<string, string> {
  const values = new Map<string, string>()
  let section = ''
  for (const line of text.split('\n').filter((entry) => entry !== '' && !entry.startsWith('#'))) {
    const [, heading, key = '', value = ''] = /^(?:\[(\w+)\]|(\w+)=(\S.*))$/.exec(line) ?? assert.fail(`no line of a unit: ${line}`)
    if (heading !== undefined) section = heading
    else values.set(`${section}.${key}`, value)
    assert.ok(heading === undefined ? KEYS[section]?.includes(key) : heading in KEYS, `unknown in a unit: ${line}`)
  }
  return values
}

/** Prints what a DAG file says as JSON: imports, and of each call its name and arguments (undefined where they are no constants). */
const READ_DAG = `
import ast, json, sys
tree = ast.parse(open(sys.argv[1]).read())
value = lambda node: node.value if isinstance(node, ast.Constant) else None
calls = {}
for node in ast.walk(tree):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        calls[node.func.id] = {k.arg: value(k.value) for k in node.keywords}
imports = {a.name: n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
print(json.dumps({'imports': imports, 'calls': calls}))
`

/** Reads a DAG file by Airflow itself, and runs its one task as a worker would, without a database: skipped is 75, failed 1. */
const RUN_DAG = `
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
(task,) = dag.tasks
try:
    task.execute({})
except AirflowSkipException:
    sys.exit(75)
except AirflowException as error:
    sys.exit(1 if str(error).endswith('exit code 1.') else 70)
`

test("Airflow: the documented DAG is Python, says what it should, and its command has the codes", async (t) => {
  const cwd = await place(t)
  const file = join(cwd, 'sluice.py')
  writeFileSync(file, block('python', 'BashOperator').replaceAll(HOME, cwd))
  if (spawnSync('python3', ['--version']).status !== 0) return t.skip('no python3')
  execFileSync('python3', ['-m', 'py_compile', file])
  const { imports, calls } = JSON.parse(execFileSync('python3', ['-c', READ_DAG, file], { encoding: 'utf8' })) as {
    imports: Record<string, string>
    calls: Record<string, Record<string, unknown>>
  }
  assert.deepEqual(imports, { BashOperator: 'airflow.providers.standard.operators.bash', DAG: 'airflow.sdk' })
  const { DAG, BashOperator } = calls
  assert.deepEqual([DAG?.['catchup'], DAG?.['max_active_runs'], BashOperator?.['skip_on_exit_code']], [false, 1, 75])
  const fields = String(DAG?.['schedule']).split(' ')
  assert.equal(fields.length, 5)
  assert.equal(BashOperator?.['bash_command'], `cd ${cwd} && ./periodic`)

  // Airflow is 300 MB: whoever has it, in an environment of its own, says where (SLUICE_AIRFLOW=…/bin/python).
  const python = process.env['SLUICE_AIRFLOW'] ?? join(ROOT, '.scratch', 'airflow', 'bin', 'python')
  if (!existsSync(python)) {
    t.diagnostic(`no Airflow at ${python}: its operator is not run`)
    await assertCodes(cwd, () => spawnSync('bash', ['-c', String(BashOperator?.['bash_command'])]).status)
    return
  }
  const env = { ...process.env, AIRFLOW_HOME: join(cwd, 'airflow') }
  await assertCodes(cwd, () => spawnSync(python, ['-c', RUN_DAG, file], { env }).status)
})

test("git: the documented hook refuses a commit of queries that sluice check does not like", async (t) => {
  const cwd = await place(t)
  const git = (...args: string[]): { status: number | null; stdout: string } =>
    spawnSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false', ...args], { cwd, encoding: 'utf8' })
  assert.equal(git('init', '--quiet').status, 0)
  const hook = block('sh', 'sluice check')
  const [shebang, name = '', ...rest] = hook.trimEnd().split('\n')
  assert.deepEqual([shebang, rest.length], ['#!/bin/sh', 2])
  const file = join(cwd, name.slice('# '.length))
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, hook)
  chmodSync(file, 0o755)
  cpSync(join(ROOT, 'test/cases/check/format/queries/staging/likes.sql'), join(cwd, 'queries/staging/likes.sql'))
  writeFileSync(metric(cwd), '/*\ndescription: a\ngrain: one row\ncolumns:\n  n: {type: bigint, description: b}\n*/\nselect\n  count(*) as n\nfrom\n  likes\n')
  git('add', 'queries')
  assert.equal(git('commit', '-m', 'not formatted').status, 1)
  assert.equal(spawnSync('./sluice', ['check', '--fix'], { cwd }).status, 0)
  git('add', 'queries')
  assert.equal(git('commit', '-m', 'formatted').status, 0)
  assert.equal(git('log', '--format=%s').stdout, 'formatted\n')
  assert.deepEqual(readdirSync(cwd).sort(), ['.git', 'lake', 'periodic', 'queries', 'sluice'])
})
