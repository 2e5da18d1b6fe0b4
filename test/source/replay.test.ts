import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readMessage } from '../../src/source/event.ts'
import type { Clock } from '../../src/source/pace.ts'
import { replay } from '../../src/source/replay.ts'
import { linesOf, ROOT, run } from './run.ts'

const SAMPLE = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'))
const converted = linesOf(SAMPLE.toString()).map((text) => {
  const message = readMessage(text)
  assert.equal(message?.is, 'event')
  return message.line
})

/** As the original script printed it: no zone, ASCII, a space after colons; one line without a fraction. */
const ORIGINAL = [
  '{"timestamp": "2025-03-10T17:54:00.000001", "action": "create", "path": "c/3k", "cid": "b", "prev": null, "record": {"text": "\\ud83d\\ude02"}, "repo": "did:plc:a"}',
  '{"timestamp":"2025-03-10T17:54:01","action":"create","path":"app.bsky.feed.like/3k","cid":"b","prev":null,"record":{},"repo":"did:plc:a"}',
  '{"timestamp":"2025-03-10T17:54:03.5","action":"create","path":"app.bsky.feed.like/3k","cid":"b","prev":null,"record":{},"repo":"did:plc:a"}',
]

interface Setting {
  chunks: Iterable<Buffer>
  events?: number
  duration?: number
  speed?: number
  clock?: Clock
}

const NO_CLOCK: Clock = { now: () => 0, sleep: () => Promise.reject(new Error('nothing to wait for')) }

async function replayed({ chunks, events = Infinity, duration = Infinity, speed, clock = NO_CLOCK }: Setting): Promise<string> {
  const out: Buffer[] = []
  async function* input(): AsyncIterable<Buffer> {
    yield* chunks
  }
  const output = { write: async (bytes: Uint8Array): Promise<void> => void out.push(Buffer.from(bytes)) }
  await replay(input(), output, { events, duration }, speed, clock, new AbortController().signal)
  return Buffer.concat(out).toString('latin1')
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

describe('replay', () => {
  /** Whatever is no Jetstream message: blank lines, CRLF, broken UTF-8, a truncated line, no final newline. */
  const foreign = Buffer.concat([
    Buffer.from(`${ORIGINAL.join('\n')}\n\n \t\r\n[]\r\n{"did":1}\nnot json\n`),
    Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
    Buffer.from('{"timestamp":"2025'),
  ])

  test('what is no Jetstream message passes through byte for byte, however it is cut', async () => {
    for (const size of [1, 2, 7, 64, 1e6]) assert.equal(await replayed({ chunks: cut(foreign, size) }), foreign.toString('latin1'))
  })

  test('Jetstream messages become lines, between others', async () => {
    const mixed = Buffer.concat(SAMPLE.toString().split('\n').slice(0, 20).map((line, i) => Buffer.from(`${line}\r\n${ORIGINAL[i % 3]}\n`)))
    const wanted = Buffer.from(converted.slice(0, 20).map((line, i) => `${line}${ORIGINAL[i % 3]}\n`).join('')).toString('latin1')
    for (const size of [11, 1000, 1e6]) assert.equal(await replayed({ chunks: cut(mixed, size) }), wanted)
  })

  test('a line of 40 MB passes through, and lines after it are still told apart', async () => {
    const long = Buffer.from(`{"timestamp":"${'x'.repeat(40e6)}"}\n`)
    const text = await replayed({ chunks: cut(Buffer.concat([long, SAMPLE]), 1 << 16) })
    assert.equal(text.length, long.length + Buffer.byteLength(converted.join('')))
    assert.ok(text.endsWith(Buffer.from(converted.at(-1) as string).toString('latin1')))
  })

  test('--events counts lines that are not blank', async () => {
    assert.equal(await replayed({ chunks: [foreign], events: 2 }), `${ORIGINAL[0]}\n${ORIGINAL[1]}\n`)
    assert.equal(linesOf(await replayed({ chunks: cut(SAMPLE, 300), events: 33 })).length, 33)
  })

  test('--for is the time of the events', async () => {
    const file = Buffer.from(`${ORIGINAL.join('\n')}\n`)
    assert.equal(await replayed({ chunks: [file], duration: 3_499_999 }), `${ORIGINAL[0]}\n${ORIGINAL[1]}\n`)
    assert.equal(await replayed({ chunks: [file], duration: 3_500_000 }), `${file.toString()}`)
  })

  test('--speed waits as long as the events took, divided', async () => {
    let now = 5000
    const waits: number[] = []
    const clock: Clock = {
      now: () => now,
      sleep: async (ms) => {
        waits.push(ms)
        now += ms
      },
    }
    const file = Buffer.from(`${ORIGINAL.join('\n')}\nno time\n`)
    assert.equal(await replayed({ chunks: cut(file, 50), speed: 2, clock }), file.toString())
    assert.deepEqual(waits.map(Math.round), [500, 1250])
  })
})

describe('bluesky --replay', { concurrency: 4 }, () => {
  const wanted = converted.join('')

  test('a file, plain and gzip, under any name; and stdin', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'replay-'))
    const plain = join(directory, 'plain.gz')
    const packed = join(directory, 'packed')
    const gzip = Buffer.concat([gzipSync(SAMPLE.subarray(0, 5000)), gzipSync(SAMPLE.subarray(5000))])
    writeFileSync(plain, SAMPLE)
    writeFileSync(packed, gzip)
    for (const { code, stdout, stderr } of await Promise.all([
      run(['--replay', plain]),
      run(['--replay', packed]),
      run(['--replay', '-'], { input: SAMPLE }),
      run(['--replay', '-'], { input: gzip }),
    ])) {
      assert.equal(stdout, wanted)
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    }
    rmSync(directory, { recursive: true })
  })

  test('an empty file is an empty stream', async () => {
    assert.deepEqual(await run(['--replay', '/dev/null']), { code: 0, signal: null, stdout: '', stderr: '' })
  })

  test('a gzip file that is cut short: what is there, then one sentence and code 74', async () => {
    const { code, stdout, stderr } = await run(['--replay', '-'], { input: gzipSync(SAMPLE).subarray(0, 9000) })
    assert.equal(code, 74)
    assert.ok(stdout.length > 1000 && wanted.startsWith(stdout.slice(0, stdout.lastIndexOf('\n') + 1)))
    assert.match(stderr, /^bluesky: cannot read stdin: [^\n]+ cut short[^\n]+\n$/)
  })

  test('a file that is not there: one sentence and code 74', async () => {
    const { code, stdout, stderr } = await run(['--replay', 'nowhere.ndjson'])
    assert.deepEqual({ code, stdout }, { code: 74, stdout: '' })
    assert.match(stderr, /^bluesky: cannot read nowhere\.ndjson: ENOENT[^\n]+\n$/)
  })
})
