import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openInput } from '../../src/ingest/input.ts'
import { readLake } from '../lake.ts'
import { eventLines } from '../lines.ts'
import type { Result, Running } from '../process.ts'
import { start, until, workplace } from '../process.ts'

const COUNT = 3000
const LINES = eventLines(COUNT)
const KEYS = LINES.map((_, n) => `k${n}`).sort()

const keys = async (cwd: string): Promise<string[]> => (await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey)).sort()

/** handle-stream with this file descriptor as its stdin. */
function on(stdin: number, cwd: string): Running {
  const running = start('handle-stream', ['--roll-seconds', '1h'], { cwd, stdin })
  closeSync(stdin)
  return running
}

/** A pipe with a name: its path. */
function pipe(cwd: string): string {
  const path = join(cwd, 'pipe')
  execFileSync('mkfifo', [path])
  return path
}

test('a file on stdin: every line', async (t) => {
  const cwd = workplace(t)
  writeFileSync(join(cwd, 'lines'), LINES.join('\n'))
  const { code, stderr } = await on(openSync(join(cwd, 'lines'), 'r'), cwd).ended
  assert.equal(code, 0, stderr)
  assert.deepEqual(await keys(cwd), KEYS)
})

test('a pipe on stdin, written in pieces: every line; it waits while nothing comes', async (t) => {
  const cwd = workplace(t)
  const path = pipe(cwd)
  // Opened for both, so that neither side waits for the other here.
  const ours = on(openSync(path, 'r+'), cwd)
  const writer = spawn('sh', ['-c', `cat > ${path}`], { stdio: ['pipe', 'ignore', 'inherit'] })
  const text = LINES.join('\n')
  for (let at = 0; at < text.length; at += 100_001) {
    writer.stdin.write(text.slice(at, at + 100_001))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  writer.stdin.end('\n')
  await new Promise((resolve) => writer.on('close', resolve))
  // It holds the pipe open for writing itself: its end does not come.
  await until('all lines are in the log', () => Number(execFileSync('sh', ['-c', 'cat .sluice/wal/*/*.ndjson | wc -l'], { cwd })) === COUNT)
  ours.child.kill('SIGTERM')
  const { code, stderr } = await ours.ended
  assert.equal(code, 0, stderr)
  assert.deepEqual(await keys(cwd), KEYS)
})

test('a socket on stdin: every line', async (t) => {
  const cwd = workplace(t)
  const path = join(cwd, 'socket')
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.end(LINES.join('\n'))).listen(path)
  t.after(() => server.close())
  await until('it listens', () => server.listening)
  const { code, stderr } = await new Promise<Result>((resolve) => {
    const socket = connect(path, () => {
      socket.pause()
      resolve(start('handle-stream', [], { cwd, stdin: socket }).ended)
      socket.destroy()
    })
  })
  assert.equal(code, 0, stderr)
  assert.deepEqual(await keys(cwd), KEYS)
})

test('of a pipe nothing is read before it is asked for', async (t) => {
  const fd = openSync(pipe(workplace(t)), 'r+')
  writeSync(fd, 'line\n')
  const input = openInput(fd)
  await new Promise((resolve) => setTimeout(resolve, 100))
  input.stop()
  for await (const chunk of input) assert.fail(`read ${chunk}`)
  const left = Buffer.alloc(10)
  assert.equal(left.toString('utf8', 0, readSync(fd, left)), 'line\n')
  closeSync(fd)
})

test('a device without end is read until a signal', async (t) => {
  const cwd = workplace(t)
  const ours = on(openSync('/dev/zero', 'r'), cwd)
  // Nothing of a line without end is in the log; what the process has read in all is with the kernel.
  await until('it reads', () => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${ours.child.pid}/io`, 'utf8'))?.[1]) > 200_000_000)
  ours.child.kill('SIGTERM')
  const { code, stderr } = await ours.ended
  assert.equal(code, 0, stderr)
  assert.match(stderr, /0 events · .* 1 rejects/)
})

test('what cannot be read: one sentence, exit 74', async (t) => {
  const cwd = workplace(t)
  const { code, stderr } = await on(openSync(cwd, 'r'), cwd).ended
  assert.match(stderr, /^handle-stream: expected a pipe or a file of events on stdin, got EISDIR: [^\n]*\n$/)
  assert.equal(code, 74)
})
