import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSimulator } from '../../src/source/simulate.ts'
import { linesOf, run, start, until } from './run.ts'

const START = Date.UTC(2026, 0, 1) * 1000

interface Line {
  timestamp: string
  action: string | null
  path: string | null
  cid: string | null
  record: Record<string, unknown> & { subject?: { uri: string } }
  repo: string
  rev: string | null
  time_us: number
  kind: string
}

interface Facet {
  features: { $type: string; tag?: string }[]
  /** Of the text's UTF-8 bytes. */
  index: { byteStart: number; byteEnd: number }
}

/** The bytes of so many events, taken in pieces of the given sizes in turn. */
function simulate(seed: number, events: number, rate = 1000, pieces: readonly number[] = [Infinity], bufferBytes = 1 << 18): string {
  const simulator = createSimulator({ seed, start: START, rate })
  const buffer = Buffer.alloc(bufferBytes)
  let text = ''
  for (let left = events, i = 0; left > 0; i++) {
    const filled = simulator.fill(buffer, Infinity, Math.min(left, pieces[i % pieces.length] as number))
    text += buffer.toString('utf8', 0, filled.bytes)
    left -= filled.events
  }
  return text
}

describe('simulator', () => {
  const text = simulate(1, 120_000)
  const lines = linesOf(text)
  const events = lines.map((line) => JSON.parse(line) as Line)

  test('every line is one JSON object with the nine keys, compact, as JSON.stringify would write it', () => {
    const keys = 'timestamp,action,path,cid,record,repo,rev,time_us,kind'
    assert.equal(events.length, 120_000)
    for (const [i, event] of events.entries()) {
      assert.equal(Object.keys(event).join(), keys)
      // com.example.deep.record holds numbers that JSON.parse does not keep.
      if (event.path?.startsWith('com.example.') !== true) assert.equal(JSON.stringify(event), lines[i])
    }
  })

  test('identifiers and times are well formed and agree', () => {
    for (const { timestamp, action, path, cid, repo, rev, time_us: micros, kind } of events) {
      assert.match(repo, /^did:plc:[a-z2-7]{24}$/)
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      assert.equal(Date.parse(`${timestamp.slice(0, 19)}Z`) * 1000 + Number(timestamp.slice(20, 26)), micros)
      if (kind !== 'commit') {
        assert.deepEqual([action, path, cid, rev], [null, null, null, null])
        continue
      }
      assert.match(path ?? '', /^[a-zA-Z.]+\/([2-7a-j][2-7a-z]{12}|self|latest)$/)
      assert.match(rev ?? '', /^[2-7a-j][2-7a-z]{12}$/)
      if (action === 'delete') assert.equal(cid, null)
      else assert.match(cid ?? '', /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/)
      // A TID's time: 200 ms before the event was due.
      const tid = [...(rev ?? '')].slice(0, 11).reduce((sum, character) => sum * 32 + '234567abcdefghijklmnopqrstuvwxyz'.indexOf(character), 0)
      assert.ok(Math.abs(tid - micros) < 250_000, `${rev} ${tid} ${micros}`)
    }
  })

  test('no two events have the same identity', () => {
    const identities = new Set(events.map((e) => [e.repo, e.path, e.action, e.rev, e.kind, e.rev === null ? e.time_us : ''].join()))
    assert.equal(identities.size, events.length)
    const fast = linesOf(simulate(5, 50_000, 1_000_000)).map((line) => JSON.parse(line) as Line)
    assert.equal(new Set(fast.map((e) => [e.repo, e.path, e.action, e.rev, e.kind, e.rev === null ? e.time_us : ''].join())).size, fast.length)
  })

  test('the mix is the measured one', () => {
    const per1000 = new Map<string, number>()
    const add = (name: string): unknown => per1000.set(name, (per1000.get(name) ?? 0) + 1000 / events.length)
    for (const { path, action, kind } of events) {
      add(path?.split('/')[0] ?? 'account')
      add(String(action))
      add(kind)
    }
    const about = (name: string, share: number, tolerance: number): void => {
      const got = per1000.get(name) ?? 0
      assert.ok(Math.abs(got - share) <= tolerance, `${name}: ${got}, expected ${share} ± ${tolerance}`)
    }
    about('app.bsky.feed.like', 449, 90)
    about('app.bsky.graph.follow', 360, 90)
    about('app.bsky.feed.post', 91, 9)
    about('app.bsky.feed.repost', 59, 6)
    about('app.bsky.graph.block', 14, 3)
    about('app.bsky.actor.profile', 12, 3)
    about('app.bsky.graph.listitem', 8, 2)
    about('account', 5 + 3.3, 2)
    about('delete', 35, 10)
    about('update', 12, 4)
    const bytes = Buffer.byteLength(text) / events.length
    assert.ok(bytes > 470 && bytes < 600, String(bytes))
  })

  test('times are nearly but not quite in order', () => {
    let backwards = 0
    let newest = 0
    for (const { time_us: micros } of events) {
      if (micros < newest) backwards++
      assert.ok(micros >= START && micros > newest - 5_000)
      newest = Math.max(newest, micros)
    }
    assert.ok(backwards > events.length / 10)
  })

  test('there are fast likers, users just below the limit, and posts about engineering', () => {
    const likes = new Map<string, { micros: number; uri: string }[]>()
    for (const { path, action, repo, record, time_us: micros } of events) {
      if (action !== 'create' || path?.startsWith('app.bsky.feed.like/') !== true) continue
      const uri = record.subject?.uri ?? ''
      likes.set(repo, [...(likes.get(repo) ?? []), { micros, uri }])
    }
    const fastest = (list: { micros: number; uri: string }[]): number => {
      const sorted = list.sort((a, b) => a.micros - b.micros)
      const within = (from: number): string[] => sorted.filter(({ micros }) => micros >= from && micros < from + 60e6).map(({ uri }) => uri)
      return Math.max(...sorted.map(({ micros }) => new Set(within(micros)).size))
    }
    const many = [...likes.values()].filter((list) => list.length >= 45).map(fastest)
    assert.ok(many.filter((n) => n >= 50).length >= 5, String(many))
    // Fifty likes over exactly 60 s, 49 of them, and 50 of 49 posts.
    assert.ok(many.filter((n) => n === 49).length >= 3, String(many))
    assert.ok(many.filter((n) => n === 50).length >= 2, String(many))

    const posts = events.filter((e) => e.path?.startsWith('app.bsky.feed.post/') && e.action === 'create').map((e) => e.record)
    const texts = posts.map((record) => String(record['text']))
    for (const pattern of [
      /\bengineering\b/, /#engineering/, /bioengineering/, /ENGINEERING/, /don’t/, /don't/, /#cross-contamination/, /#ブルースカイ/,
      /\n/, /"/, /https:/, /@alice/, /😂/,
    ]) {
      assert.ok(texts.some((text) => pattern.test(text)), String(pattern))
    }
    assert.ok(texts.every((text) => [...text].length > 0))
    assert.ok(posts.some((record) => record['langs'] === undefined))
    assert.ok(posts.some((record) => record['createdAt'] === undefined || Number.isNaN(Date.parse(String(record['createdAt'])))))
    const langs = new Set(posts.flatMap((record) => record['langs'] ?? []))
    for (const lang of ['en', 'en-US', 'ja', 'pt-BR', 'fr', 'ko', 'ar']) assert.ok(langs.has(lang), lang)
    for (const { facets, text } of posts as { facets?: Facet[]; text: string }[]) {
      for (const { features, index } of facets ?? []) {
        const marked = Buffer.from(text).toString('utf8', index.byteStart, index.byteEnd)
        assert.match(marked, /^(#|@|https?:)/)
        assert.match(Buffer.from(text).toString('utf8', index.byteEnd), /^( |$)/, 'no word is glued to it')
        if (features[0]?.tag !== undefined) assert.equal(marked, `#${features[0].tag}`)
      }
    }
  })

  test('the seed decides the bytes, however they are cut', () => {
    const whole = simulate(7, 20_000)
    assert.equal(simulate(7, 20_000, 1000, [1, 17, 400, 3]), whole)
    assert.equal(simulate(7, 20_000, 1000, [Infinity], 20_000), whole)
    assert.notEqual(simulate(8, 20_000), whole)
    assert.notEqual(simulate(7 + 2 ** 32, 100), simulate(7, 100))
  })
})

describe('bluesky --simulate', { concurrency: 4 }, () => {
  test('prints the same bytes every time, whatever the reader does', async () => {
    const args = ['--simulate', '--events', '6000', '--seed', '3']
    const wanted = simulate(3, 6000)
    const slow = start(args, { read: false })
    let text = ''
    for await (const chunk of slow.child.stdout) {
      text += (chunk as Buffer).toString('latin1')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    assert.equal(Buffer.from(text, 'latin1').toString(), wanted)
    const { code, stdout, stderr } = await run(args)
    assert.equal(stdout, wanted)
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  })

  test('--for is stream time: rate times duration events, from --start, at any speed', async () => {
    const { stdout } = await run(['--simulate', '--for', '1h', '--rate', '2.5', '--speed', 'max', '--start', '2026-03-01'])
    const lines = linesOf(stdout).map((line) => JSON.parse(line) as Line)
    assert.equal(lines.length, 9000)
    assert.equal(lines[0]?.timestamp, '2026-03-01T00:00:00.000000Z')
    assert.ok(lines.every(({ timestamp }) => timestamp.startsWith('2026-03-01T00:')))
  })

  test('in real time it begins now, and no event comes before its time', async () => {
    const before = Date.now() * 1000
    const { stdout } = await run(['--simulate', '--for', '1s', '--rate', '200'])
    const after = Date.now() * 1000
    const times = linesOf(stdout).map((line) => (JSON.parse(line) as Line).time_us)
    assert.equal(times.length, 200)
    assert.ok(Math.min(...times) >= before && Math.max(...times) <= after)
    assert.ok(Math.max(...times) >= Math.min(...times) + 985_000)
  })

  test('a reader that has enough ends it quietly', async () => {
    const running = start(['--simulate', '--events', '100000000'])
    await until(running, () => running.stdout() !== '')
    running.child.stdout.destroy()
    const { code, signal, stderr } = await running.finished
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  })

  for (const [name, args] of [['at full speed', ['--events', '100000000']], ['in real time', []]] as const) {
    test(`SIGINT ${name} leaves whole lines`, async () => {
      const running = start(['--simulate', ...args])
      await until(running, () => running.stdout() !== '')
      running.child.kill('SIGINT')
      const { code, stdout, stderr } = await running.finished
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      assert.ok(stdout.endsWith('}\n'))
      JSON.parse(linesOf(stdout).at(-1) as string)
    })
  }

  test('a second signal ends it though its reader does not read', async () => {
    const running = start(['--simulate', '--events', '100000000'], { read: false })
    // Running once the first bytes are in the pipe.
    let filled = false
    running.child.stdout.once('readable', () => (filled = true))
    await until(running, () => filled)
    running.child.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(running.child.exitCode, null)
    running.child.kill('SIGTERM')
    await new Promise((resolve) => running.child.once('exit', resolve))
    assert.equal(running.child.signalCode, 'SIGTERM')
    running.child.stdout.destroy()
  })

  test('nonsense is a usage error of one line', async () => {
    const nonsense = ['rate 0', 'rate 2000000', 'events 0', 'for ever', 'seed -1', 'start soon', 'start 1999-01-01', 'speed 0', 'replay x']
    for (const text of nonsense) {
      const { code, stdout, stderr } = await run(['--simulate', ...`--${text}`.split(' ')])
      assert.equal(code, 2, text)
      assert.equal(stdout, '')
      assert.match(stderr, /^bluesky: [^\n]+; see 'bluesky --help'\n$/)
    }
  })
})
