import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { clone } from './clone.ts'
import { ROOT, workplace } from './process.ts'

interface Ended {
  code: number | null
  stdout: string
  /** Lines of stderr, and when each came, ms after the start. */
  lines: { text: string; at: number }[]
  ms: number
}

/** A user who owns nothing here; where the tests are not run by root, nobody needs to be somebody else. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/** Runs an executable of a clone; npm has nothing cached, and asks the registry at this URL. */
async function firstUse(root: string, registry: string, options: { user?: { uid?: number; gid?: number }; path?: string; until?: RegExp } = {}): Promise<Ended> {
  const start = Date.now()
  const env = { ...process.env, npm_config_registry: registry, npm_config_cache: join(root, '.scratch', 'npm'), ...(options.path ? { PATH: options.path } : {}) }
  const child = spawn(process.execPath, [join(root, 'bluesky'), '--help'], { cwd: root, env, ...options.user })
  const ended: Ended = { code: null, stdout: '', lines: [], ms: 0 }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trimEnd().split('\n')) ended.lines.push({ text: line, at: Date.now() - start })
    if (options.until?.test(text)) child.kill('SIGTERM')
  })
  ended.code = await new Promise((resolve) => child.on('close', resolve))
  ended.ms = Date.now() - start
  return ended
}

async function freshClone(t: TestContext): Promise<string> {
  const root = workplace(t)
  await clone(root)
  chmodSync(root, 0o755)
  return root
}

/** Accepts connections and says nothing. */
async function silentRegistry(t: TestContext): Promise<string> {
  const server = createServer((socket) => void t.after(() => socket.destroy())).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const REFUSING = 'http://127.0.0.1:9/'

describe('the first use of a clone', { concurrency: true }, () => {
  test('without a network, the first use of a clone has a sentence about it within five seconds, whatever the network does', async (t) => {
    const root = await freshClone(t)
    const refused = await firstUse(root, REFUSING)
    assert.equal(refused.code, 69)
    assert.equal(refused.stdout, '')
    assert.match(refused.lines[0]?.text ?? '', /^bluesky: first use, installing packages/)
    assert.match(refused.lines.at(-1)?.text ?? '', /^bluesky: cannot reach the registry of npm \(ECONNREFUSED\), .* repeat it with a network$/)
    const unknown = await firstUse(root, 'http://registry.invalid/')
    assert.match(unknown.lines.at(-1)?.text ?? '', /^bluesky: cannot reach the registry of npm \((ENOTFOUND|EAI_AGAIN)\)/)
    const silent = await firstUse(root, await silentRegistry(t), { until: /no answer from the registry/ })
    assert.equal(silent.lines[1]?.text, 'bluesky: no answer from the registry of npm in 3 s, waiting for 60 s …')
    for (const { lines, ms } of [refused, unknown, silent]) {
      assert.ok((lines[1]?.at ?? Infinity) < 5_000, JSON.stringify(lines))
      // npm takes half a second of a core to start, and others may be at work.
      assert.ok(ms < 20_000, `${ms} ms`)
    }
    assert.deepEqual(readdirSync(root).filter((name) => name.startsWith('.setup')), [], 'a set-up that is stopped leaves no lock')
  })

  test('a lock is waited for while its holder is at work, and then taken over by one, though its process id is alive', async (t) => {
    const root = await freshClone(t)
    const lock = join(root, '.setup.lock')
    // Process 1 is alive, and never was ours.
    writeFileSync(lock, '1 some-token')
    const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), 250)
    const both = [firstUse(root, REFUSING), firstUse(root, REFUSING)]
    await setTimeout(4_000)
    clearInterval(beat)
    const ends = (await Promise.all(both)).map(({ lines }) => lines)
    for (const lines of ends) {
      assert.match(lines[0]?.text ?? '', /^bluesky: waiting for another process/)
      assert.ok((lines[0]?.at ?? Infinity) < 4_000 && (lines[1]?.at ?? 0) > 4_000, JSON.stringify(ends))
    }
    assert.ok(ends.some((lines) => lines.some(({ text }) => text === 'bluesky: the other process has stopped; taking over its installation')))
    // One after another: the second begins when the first has failed.
    const [first, second] = ends.map((lines) => ({ begun: lines.findLast(({ text }) => /installing/.test(text))?.at ?? 0, ended: lines.at(-1)?.at ?? 0 }))
      .sort((a, b) => a.begun - b.begun)
    assert.ok((first?.ended ?? Infinity) - 300 <= (second?.begun ?? 0), JSON.stringify(ends))
  })

  test('a clone that this user may not write gets a sentence; one that is compiled just runs', async (t) => {
    const root = await freshClone(t)
    chmodSync(root, 0o555)
    const refused = await firstUse(root, REFUSING, { user: NOBODY })
    assert.equal(refused.code, 69)
    assert.deepEqual(refused.lines.map(({ text }) => text), [
      `bluesky: cannot write to ${root}/ (EACCES), where the first use of a clone installs packages and compiles; `
        + 'repeat it as a user who may write there, or install the tarball that `npm pack` makes',
    ])
    assert.ok((refused.lines[0]?.at ?? Infinity) < 5_000, JSON.stringify(refused.lines))

    chmodSync(root, 0o755)
    mkdirSync(join(root, 'dist'))
    cpSync(join(ROOT, 'dist', 'packed'), join(root, 'dist', 'packed'), { recursive: true })
    writeFileSync(join(root, 'dist', 'built'), '')
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
    chmodSync(root, 0o555)
    const ran = await firstUse(root, REFUSING, { user: NOBODY })
    assert.deepEqual([ran.code, ran.lines], [0, []])
    assert.match(ran.stdout, /^Usage: bluesky/)
  })

  test('without npm, a sentence', async (t) => {
    const root = await freshClone(t)
    const { code, lines } = await firstUse(root, REFUSING, { path: root })
    assert.equal(code, 69)
    assert.equal(lines[1]?.text, 'bluesky: expected npm on PATH, got none; install Node with npm from https://nodejs.org')
  })
})
