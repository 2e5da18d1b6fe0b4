import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { Failure } from '../../src/failure.ts'
import { acquire, holder } from '../../src/lake/lock.ts'

const NOW = Date.parse('2026-07-04T14:38:08.085Z')

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'lock-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Another process that takes the lock, says whether it got it, and stays. */
async function taker(t: TestContext, path: string): Promise<{ got: boolean; kill: () => Promise<void> }> {
  const module = new URL('../../src/lake/lock.js', import.meta.url).href
  const program = `const { acquire } = await import(${JSON.stringify(module)})
    const lock = await acquire(${JSON.stringify(path)}, ${NOW})
    console.log(lock ? 'got' : 'refused')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
  t.after(() => child.kill('SIGKILL'))
  const said = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim())))
  assert.match(said, /^(got|refused)$/)
  return {
    got: said === 'got',
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

test('a lock is held once, within a process and between processes, until released', async (t) => {
  const path = join(scratch(t), 'lock')
  const lock = await acquire(path, NOW)
  assert.ok(lock)
  assert.equal(await acquire(path, NOW), undefined)
  assert.equal((await taker(t, path)).got, false)
  assert.deepEqual(holder(path), { pid: process.pid, host: hostname(), since: new Date(NOW) })
  lock.release()
  assert.equal(holder(path), undefined)
  assert.equal((await taker(t, path)).got, true)
})

test('a refused taker leaves the holder’s name in the file', async (t) => {
  const path = join(scratch(t), 'lock')
  const lock = await acquire(path, NOW)
  const before = readFileSync(path, 'utf8')
  await acquire(path, NOW + 1000)
  assert.equal(readFileSync(path, 'utf8'), before)
  lock?.release()
})

test('SIGKILL of the holder frees the lock, though the file still names it', async (t) => {
  const path = join(scratch(t), 'lock')
  const other = await taker(t, path)
  assert.equal(other.got, true)
  assert.equal(await acquire(path, NOW), undefined)
  await other.kill()
  assert.notEqual(holder(path)?.pid, undefined)
  const lock = await acquire(path, NOW)
  assert.ok(lock)
  assert.equal(holder(path)?.pid, process.pid)
  lock.release()
})

test('a file that holds anything else names no holder', (t) => {
  const path = join(scratch(t), 'lock')
  assert.equal(holder(path), undefined)
  for (const text of ['', 'x', 'null', '[]', '{"pid":1}', '{"pid":"1","host":"h","since":"2026-07-04"}', '{"pid":1,"host":"h","since":"soon"}']) {
    writeFileSync(path, text)
    assert.equal(holder(path), undefined, text)
  }
})

test('a lock that cannot be opened is a failure of one sentence', async (t) => {
  const directory = scratch(t)
  await assert.rejects(acquire(directory, NOW), (error) => error instanceof Failure && error.message.includes(`cannot open the lock ${directory} (EISDIR)`))
  await assert.rejects(acquire(join(directory, 'no', 'lock'), NOW), (error) => error instanceof Failure && error.message.includes('ENOENT'))
})
