import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Behaviour, JetstreamServer, NetworkEvent, ServerOptions } from './jetstream-server.ts'
import { lineOf, makeEvents, serveJetstream } from './jetstream-server.ts'
import { linesOf, run, start, until } from './run.ts'

const HOUR_AGO = (Math.floor(Date.now() / 1000) - 3600) * 1e6
const STEP = 100_000

type Protocol = 'v1' | 'v2'

const REFUSAL: Behaviour = { refuse: { status: 400, body: 'invalid\ncollection' } }

const NOISE = [
  'not json', '[]', '{}', 'null', '{"did":1,"time_us":2,"kind":"commit"}', '{"$type":"message","payload":3}', Buffer.from([0, 255]),
]

async function withServer(options: Omit<ServerOptions, 'start'>, body: (server: JetstreamServer) => Promise<void>): Promise<void> {
  const server = await serveJetstream({ start: HOUR_AGO, step: STEP, ...options })
  try {
    await body(server)
  } finally {
    await server.close()
  }
}

function expected(protocol: Protocol, events: readonly NetworkEvent[], server: JetstreamServer): string[] {
  return events.map((event, i) => lineOf(protocol, event, server.stamp(i)))
}

/** Repeats and omissions are named by their event's number. */
function assertLines(stdout: string, wanted: readonly string[]): void {
  assert.ok(stdout.endsWith('\n'))
  assert.deepEqual(linesOf(stdout), wanted)
}

/** From half a second before the first event; should some be lost, it ends all the same. */
function liveArgs({ url }: Pick<JetstreamServer, 'url'>, protocol: Protocol, events: number): string[] {
  return ['--endpoint', url, '--protocol', protocol, '--cursor', String(HOUR_AGO - 500_000), '--events', String(events), '--for', '25s']
}

const KINDS_V2 = ['commit', 'commit', 'identity', 'account', 'sync'] as const

describe('live', { concurrency: 4 }, () => {
  for (const protocol of ['v1', 'v2'] as const) {
    const events = makeEvents(200, protocol === 'v2' ? KINDS_V2 : undefined)

    test(`${protocol}: history from the cursor, then live, each event once and in order`, () =>
      withServer({ protocol, events, history: 150 }, async (server) => {
        const { code, stdout, stderr } = await run(liveArgs(server, protocol, 200))
        assertLines(stdout, expected(protocol, events, server))
        assert.equal(code, 0)
        assert.equal(stderr, '')
        assert.equal(server.asked.length, 1)
      }))

    test(`${protocol}: connections that are cut, closed and fall silent lose and repeat nothing`, () =>
      withServer(
        {
          protocol,
          events,
          behaviours: [
            { events: 40, then: 'drop' },
            { events: 100, then: 1011 },
            { events: 0, then: 'drop' },
            { events: protocol === 'v1' ? 90 : 30, then: 'silence' },
            { refuse: { status: 503, body: 'busy' } },
          ],
        },
        async (server) => {
          const { code, stdout, stderr } = await run([...liveArgs(server, protocol, 200), '--idle', '1500ms'])
          assertLines(stdout, expected(protocol, events, server))
          assert.equal(code, 0)
          assert.match(stderr, /closed with code 1006/)
          assert.match(stderr, /closed with code 1011 \(so it goes\)/)
          assert.match(stderr, /silent for 1\.5 s/)
          assert.match(stderr, /HTTP 503: busy/)
          assert.doesNotMatch(stderr, /gap/)
        },
      ))

    test(`${protocol}: frames that are no events are counted, not printed, and not fatal`, () =>
      withServer(
        { protocol, events, behaviours: [{ noise: NOISE }] },
        async (server) => {
          const { code, stdout, stderr } = await run(liveArgs(server, protocol, 200))
          assertLines(stdout, expected(protocol, events, server))
          assert.equal(code, 0)
          assert.match(stderr, /skipped/)
          assert.match(stderr, /of 1,400 such frames in all/)
          assert.ok(linesOf(stderr).length <= 2, stderr)
        },
      ))

    test(`${protocol}: another host, with its own times, goes on where the first one stopped`, async () => {
      const options = { protocol, events, step: STEP }
      const behaviours: Behaviour[] = [{ events: 120, then: 'drop' }, { refuse: { status: 502, body: '' } }]
      const first = await serveJetstream({ ...options, start: HOUR_AGO, behaviours })
      const second = await serveJetstream({ ...options, start: HOUR_AGO + 1_200_000 })
      const { code, stdout } = await run(liveArgs({ url: `${first.url},${second.url}` }, protocol, 200))
      await Promise.all([first.close(), second.close()])
      assertLines(stdout, [...expected(protocol, events, first).slice(0, 120), ...expected(protocol, events, second).slice(120)])
      assert.equal(code, 0)
      if (protocol === 'v2') assert.ok(Number(second.asked[0]?.get('cursor')) >= 1e15, 'a seq means nothing to another host')
    })

    test(`${protocol}: SIGTERM ends it with a whole last line and code 0`, () =>
      withServer({ protocol, events, history: 0, behaviours: [{ events: 50, then: 'silence' }] }, async (server) => {
        const running = start(liveArgs(server, protocol, 200))
        await until(running, () => linesOf(running.stdout()).length >= 50)
        running.child.kill('SIGTERM')
        const { code, stdout } = await running.finished
        assertLines(stdout, expected(protocol, events, server).slice(0, 50))
        assert.equal(code, 0)
      }))
  }

  test('v1: without a cursor it begins at the live tip', () => {
    const events = makeEvents(60)
    return withServer({ protocol: 'v1', events, history: 20 }, async (server) => {
      const { stdout } = await run(['--endpoint', server.url, '--events', '40'])
      assertLines(stdout, expected('v1', events, server).slice(20))
      assert.equal(server.asked[0]?.get('cursor'), null)
    })
  })

  test('collections are asked for in each protocol its own way', async () => {
    for (const [protocol, name] of [['v1', 'wantedCollections'], ['v2', 'collections']] as const) {
      await withServer({ protocol, events: makeEvents(3) }, async (server) => {
        await run([...liveArgs(server, protocol, 3), '--collections', 'app.bsky.feed.post,app.bsky.graph.*'])
        assert.deepEqual(server.asked[0]?.getAll(name), ['app.bsky.feed.post', 'app.bsky.graph.*'])
      })
    }
  })

  for (const protocol of ['v1', 'v2'] as const) {
    test(`${protocol}: what a host sends that is older than it was asked for is not printed, and told of once`, () => {
      const events = makeEvents(3000, protocol === 'v1' ? undefined : KINDS_V2)
      // Ten steps a second: the second and the third connection begin minutes before what was seen last.
      const behaviours = [{ events: 2000, then: 'drop' as const }, { early: 1500, events: 1900, then: 'drop' as const }, { early: 1800 }]
      return withServer({ protocol, events, behaviours }, async (server) => {
        const { code, stdout, stderr } = await run(liveArgs(server, protocol, 3000))
        assertLines(stdout, expected(protocol, events, server))
        assert.equal(code, 0)
        assert.equal(stderr.match(/goes back further than it was asked to, to 2\S+Z: skipped [\d,]+ older events/g)?.length, 1, stderr)
        assert.match(stderr, /skipped 3,\d\d\d events in all that were older than what was asked for\n/)
      })
    })
  }

  test('v1: a silently clamped cursor is a gap, told from when to when', () => {
    const events = makeEvents(800)
    const floor = HOUR_AGO + 600 * STEP
    return withServer({ protocol: 'v1', events, behaviours: [{ events: 100, then: 'drop' }, { floor }] }, async (server) => {
      const { stdout, stderr } = await run([...liveArgs(server, 'v1', 300)])
      const lines = expected('v1', events, server)
      const resumed = events.findIndex((_, i) => server.stamp(i).micros >= floor)
      const printed = linesOf(stdout)
      assert.deepEqual(printed, [...lines.slice(0, 100), ...lines.slice(resumed)].slice(0, 300))
      const gap = /gap of (\S+): events from (\S+) to (\S+) are missing/.exec(stderr)
      assert.ok(gap, stderr)
      const times = printed.map((line) => String((JSON.parse(line) as { timestamp: string }).timestamp))
      assert.equal(gap[2], times.slice(0, 100).sort().at(-1))
      assert.equal(gap[3], times[100])
      assert.equal(gap[1], '50s')
    })
  })

  test('v1: a start cursor that is too old is a gap too', () =>
    withServer({ protocol: 'v1', events: makeEvents(5) }, async (server) => {
      const { stderr } = await run(['--endpoint', server.url, '--events', '5', '--cursor', String(HOUR_AGO - 86_400e6)])
      assert.match(stderr, /gap of 1d00h: events from \S+Z to \S+Z are missing/)
    }))

  test('v2: goes on at the last seq; a stream error ends only the connection', () => {
    const events = makeEvents(60, KINDS_V2)
    const error = { send: '{"$type":"error","error":"ConsumerTooSlow","message":"too far behind"}', close: true }
    return withServer({ protocol: 'v2', events, behaviours: [{ events: 20, then: 'drop' }, { events: 11, then: error }] }, async (server) => {
      const { code, stdout, stderr } = await run(liveArgs(server, 'v2', 60))
      assertLines(stdout, expected('v2', events, server))
      assert.equal(code, 0)
      assert.equal(server.asked[1]?.get('cursor'), String(server.stamp(19).seq))
      assert.match(stderr, /error ConsumerTooSlow: too far behind/)
    })
  })

  test('v2: a seq that is too old is asked for by time instead, and the gap told', () => {
    const events = makeEvents(300, KINDS_V2)
    const tooOld = { refuse: { status: 400, body: '{"error":"CursorTooOld","message":"cursor 1087 below lookback floor 1600"}' } }
    const floor = HOUR_AGO + 200 * STEP
    return withServer({ protocol: 'v2', events, behaviours: [{ events: 30, then: 'drop' }, tooOld, { floor }] }, async (server) => {
      const { stdout, stderr } = await run(liveArgs(server, 'v2', 100))
      const lines = expected('v2', events, server)
      const resumed = events.findIndex((_, i) => server.stamp(i).micros >= floor)
      assert.deepEqual(linesOf(stdout), [...lines.slice(0, 30), ...lines.slice(resumed)].slice(0, 100))
      assert.ok(Number(server.asked[1]?.get('cursor')) < 1e15)
      assert.ok(Number(server.asked[2]?.get('cursor')) >= 1e15)
      assert.match(stderr, /HTTP 400.*CursorTooOld/)
      assert.match(stderr, /gap of \S+: events from \S+Z to \S+Z are missing/)
    })
  })

  test('v2: a start seq that is too old begins with the oldest event there is', () => {
    const tooOld = { refuse: { status: 400, body: '{"error":"CursorTooOld"}' } }
    const events = makeEvents(20, KINDS_V2)
    return withServer({ protocol: 'v2', events, behaviours: [tooOld, { floor: HOUR_AGO + 5 * STEP }] }, async (server) => {
      const { code, stderr } = await run(['--endpoint', server.url, '--protocol', 'v2', '--cursor', '7', '--events', '10'])
      // The server had not answered before, so nothing was said of the refusal itself.
      assert.equal(code, 0)
      assert.equal(server.asked[1]?.get('cursor'), '1000000000000000')
      assert.match(stderr, /gap: events to \S+Z are missing/)
    })
  })

  test('a reader that does not read stops the socket, and loses nothing by it', () => {
    const text = 'x'.repeat(20_000)
    const events = makeEvents(3000).map((event) =>
      event.kind === 'commit' && event.body['record'] ? { ...event, body: { ...event.body, record: { ...event.body['record'], text } } } : event,
    )
    return withServer({ protocol: 'v1', events }, async (server) => {
      const running = start([...liveArgs(server, 'v1', 3000), '--idle', '2s'], { read: false })
      let held = -1
      // The kernel's buffers are full and nobody empties them.
      await until(running, () => server.unsent() > 0)
      while (held !== server.unsent()) {
        held = server.unsent()
        await new Promise((resolve) => setTimeout(resolve, 2500))
      }
      assert.ok(held > 1e6)
      const chunks: Buffer[] = []
      running.child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      const { code, stderr } = await running.finished
      assert.equal(code, 0)
      assert.equal(stderr, '', 'waiting for the reader is not silence of the server')
      assertLines(Buffer.concat(chunks).toString(), expected('v1', events, server))
    })
  })

  test('a reader that goes away ends it quietly', () =>
    withServer({ protocol: 'v1', events: makeEvents(100_000), history: 200 }, async (server) => {
      const running = start(['--endpoint', server.url, '--cursor', String(HOUR_AGO)])
      await until(running, () => running.stdout().length > 0)
      running.child.stdout.destroy()
      const { code, signal, stderr } = await running.finished
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
    }))

  test('no server: one sentence, exit code 69', async () => {
    const { code, stdout, stderr } = await run(['--endpoint', 'ws://127.0.0.1:1'])
    assert.equal(code, 69)
    assert.equal(stdout, '')
    assert.match(stderr, /^bluesky: [^\n]*127\.0\.0\.1:1[^\n]*ECONNREFUSED[^\n]*--simulate\n$/)
  })

  test('a server that refuses: its words, exit code 69', () =>
    withServer({ protocol: 'v1', events: [], behaviours: Array.from({ length: 9 }, () => REFUSAL) }, async (server) => {
      const { code, stderr } = await run(['--endpoint', server.url])
      assert.equal(code, 69)
      assert.match(stderr, /^bluesky: [^\n]*HTTP 400: invalid collection[^\n]*\n$/)
    }))

  test('--for ends a live stream', () =>
    withServer({ protocol: 'v1', events: makeEvents(5), behaviours: [{ events: 4, then: 'silence' }] }, async (server) => {
      const { code, stdout } = await run(['--endpoint', server.url, '--cursor', String(HOUR_AGO - 500_000), '--for', '2s'])
      assert.equal(code, 0)
      assert.equal(linesOf(stdout).length, 4)
    }))
})
