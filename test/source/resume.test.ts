import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readLake } from '../lake.ts'
import { random } from '../lines.ts'
import { ROOT, until, workplace } from '../process.ts'
import { makeEvents, serveJetstream } from './jetstream-server.ts'

/** How often the line is killed. Several hundred take minutes: `npm run test:faults` does that. */
const RESTARTS = Number(process.env['RESTARTS'] ?? 12)

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test(`./bluesky | ./handle-stream, killed and started ${RESTARTS} times, loses and repeats nothing that the server has`, { timeout: 60_000 + RESTARTS * 15_000 }, async (t) => {
  const cwd = workplace(t)
  const chance = random(RESTARTS)
  // About a thousand events a second; a run lives for half a second or so after its start.
  const count = RESTARTS * 150 + 300
  const start = (Math.floor(Date.now() / 1000) - 3 * 3600) * 1e6
  const events = makeEvents(count)
  // Each third connection begins 15 seconds before its cursor, as those of public hosts do.
  const behaviours = Array.from({ length: 5 * RESTARTS }, (_, n) => ({ early: n % 3 === 2 ? 100 : 0 }))
  const server = await serveJetstream({ protocol: 'v1', events, start, step: 150_000, history: 0, behaviours })
  t.after(() => server.close())

  /** The line as a shell runs it; the two write their pids. */
  const line = (first: boolean): { pids: () => Promise<[number, number]>; ended: Promise<void>; said: () => string } => {
    for (const file of ['b.pid', 'h.pid']) rmSync(join(cwd, file), { force: true })
    const cursor = first ? `--cursor ${start - 1_000_000}` : ''
    // Shells of their own: in a subshell $$ is its parent's.
    const bluesky = `sh -c 'echo $$ > b.pid; exec "${ROOT}/bluesky" --endpoint ${server.url} ${cursor}'`
    const handle = `sh -c 'echo $$ > h.pid; exec "${ROOT}/handle-stream" --roll-seconds 0.2s'`
    const shell = spawn('sh', ['-c', `${bluesky} | ${handle}`], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    shell.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const pid = (file: string): number => (existsSync(join(cwd, file)) ? Number(readFileSync(join(cwd, file), 'utf8')) : 0)
    return {
      said: () => said,
      ended: new Promise((resolve) => shell.on('close', () => resolve())),
      async pids() {
        await until('both have started', () => pid('b.pid') > 0 && pid('h.pid') > 0)
        assert.notEqual(pid('b.pid'), pid('h.pid'))
        return [pid('b.pid'), pid('h.pid')]
      },
    }
  }

  let killed = 0
  for (let restart = 0; restart < RESTARTS; restart++) {
    const run = line(restart === 0 || (await readLake(join(cwd, 'lake'))).length === 0)
    const [bluesky, handle] = await run.pids()
    // Some are killed while they start, most while events flow.
    const wait = restart % 4 === 0 ? chance() * 600 : 500 + chance() * 700
    await new Promise((resolve) => setTimeout(resolve, wait))
    const victims = [[bluesky], [handle], [bluesky, handle], [handle, bluesky]][restart % 4] as number[]
    for (const pid of victims) {
      if (!alive(pid)) continue
      process.kill(pid, 'SIGKILL')
      killed++
    }
    // What was not killed ends by itself: the one sees EOF, the other EPIPE when it next writes, so a server that has no more to say
    // would keep it waiting.
    const patience = setTimeout(() => [bluesky, handle].filter(alive).forEach((pid) => process.kill(pid, 'SIGKILL')), 5_000)
    await run.ended
    clearTimeout(patience)
  }
  assert.ok(killed >= RESTARTS, `${killed} processes were killed`)

  const last = line(false)
  const [bluesky, handle] = await last.pids()
  // The server is in this process, and waits while the lake is read: not too often.
  const complete = async (): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    return (await readLake(join(cwd, 'lake'))).length >= count
  }
  await until('every event is there', complete, 60_000 + count).catch((error: Error) => {
    throw new Error(`${error.message}; ${last.said()}`)
  })
  process.kill(bluesky, 'SIGINT')
  process.kill(handle, 'SIGINT')
  await last.ended
  const rows = await readLake(join(cwd, 'lake'))
  assert.equal(rows.length, count)
  const keyOf = (kind: unknown, did: unknown, rkey: unknown, micros: unknown): string => `${kind} ${did} ${rkey ?? micros}`
  assert.deepEqual(
    rows.map((row) => keyOf(row['kind'], row.did, row.rkey, row.event_time.getTime())).sort(),
    events.map((event, i) => keyOf(event.kind, event.did, event.body['rkey'], Math.floor(server.stamp(i).micros / 1000))).sort(),
  )
  // The server was asked from where the lake ended each time, not from its beginning.
  const cursors = server.asked.map((query) => Number(query.get('cursor')))
  assert.ok(Math.max(...cursors) > start - 1_000_000, cursors.join())
})
