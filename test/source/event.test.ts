import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readMessage } from '../../src/source/event.ts'
import { formatMicros, parseMicros } from '../../src/source/instant.ts'
import { linesOf, ROOT } from './run.ts'

const KEYS = ['timestamp', 'action', 'path', 'cid', 'record', 'repo', 'rev', 'time_us', 'kind']
const SAMPLE = join(ROOT, 'test/data/jetstream-v1-sample.jsonl')

function lineFrom(text: string): string {
  const message = readMessage(text)
  assert.equal(message?.is, 'event', text)
  return message.line
}

function readLine(text: string): Record<string, unknown> {
  const line = lineFrom(text)
  assert.ok(line.endsWith('\n') && line.indexOf('\n') === line.length - 1)
  return JSON.parse(line) as Record<string, unknown>
}

/** The middle of the sample's own text, cut out without parsing. */
function cut(text: string, from: string, to: string): string {
  const start = text.indexOf(from)
  assert.ok(start >= 0, from)
  return text.slice(start + from.length, text.lastIndexOf(to))
}

test('all 152 events of the sample, against what their text says', () => {
  const lines = linesOf(readFileSync(SAMPLE, 'utf8'))
  assert.equal(lines.length, 152)
  const counts = new Map<string, number>()
  for (const text of lines) {
    const line = readLine(text)
    assert.deepEqual(Object.keys(line), KEYS)
    const [, did, micros, kind] = /^\{"did":"([^"]+)","time_us":(\d{16}),"kind":"(\w+)",/.exec(text) ?? []
    assert.equal(line['repo'], did)
    assert.equal(String(line['time_us']), micros)
    assert.equal(line['kind'], kind)
    const timestamp = String(line['timestamp'])
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    assert.equal(`${Date.parse(timestamp.slice(0, 23) + 'Z')}${timestamp.slice(23, 26)}`, micros)
    if (kind === 'commit') {
      const [, rev, operation, collection, rkey] = /"commit":\{"rev":"(\w+)","operation":"(\w+)","collection":"([\w.]+)","rkey":"([^"]+)"/.exec(text) ?? []
      assert.deepEqual([line['rev'], line['action'], line['path']], [rev, operation, `${collection}/${rkey}`])
      if (operation === 'delete') assert.deepEqual([line['cid'], line['record']], [null, null])
      else {
        assert.equal(line['cid'], /,"cid":"(\w+)"\}\}$/.exec(text)?.[1])
        assert.deepEqual(line['record'], JSON.parse(cut(text, '"record":', ',"cid":')))
      }
    } else {
      assert.deepEqual([line['action'], line['path'], line['cid'], line['rev']], [null, null, null, null])
      assert.deepEqual(line['record'], JSON.parse(cut(text, `"${kind}":`, '}')))
    }
    const name = `${kind} ${line['action']} ${String(line['path']).split('/')[0]}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  assert.equal(counts.get('commit create app.bsky.feed.like'), 105)
  assert.equal(counts.get('commit create app.bsky.feed.post'), 17)
  assert.equal(counts.get('commit delete app.bsky.graph.follow'), 3)
  assert.equal(counts.get('identity null null'), 1)
})

test('the line is compact, its text is UTF-8 and not escaped', () => {
  const text = '{"did":"d","time_us":1783175888000000,"kind":"commit","commit":{"rev":"r","operation":"create","collection":"c","rkey":"k","record":{"text":"\\u003cü\\u003e\\ud83d\\ude02","x":"\\u0000\\u2028"},"cid":"b"}}'
  assert.equal(
    lineFrom(text),
    '{"timestamp":"2026-07-04T14:38:08.000000Z","action":"create","path":"c/k","cid":"b","record":{"text":"<ü>😂","x":"\\u0000\u2028"},"repo":"d","rev":"r","time_us":1783175888000000,"kind":"commit"}\n',
  )
})

test('numbers keep their own spelling', () => {
  const record = '{"a":9007199254740993,"b":-123456789012345678901234567890,"c":1.0,"d":[1e400,-0,0.1],"e":"9007199254740993, 1.0","f":12,"g":9007199254740993.5e-3}'
  const line = lineFrom(`{"did":"d","time_us":1783175888000000,"kind":"commit","commit":{"rev":"r","operation":"create","collection":"c","rkey":"k","record":${record},"cid":"b"}}`)
  assert.ok(line.includes(`"record":${record},`), line)
})

test('a text that looks like our own mark for numbers stays a text', () => {
  const record = '{"n":9007199254740992,"t":"\\u00011e9","\\u00015":1.5}'
  const line = lineFrom(`{"did":"d","time_us":1783175888000000,"kind":"commit","commit":{"rev":"r","operation":"create","collection":"c","rkey":"k","record":${record},"cid":"b"}}`)
  assert.ok(line.includes(`"record":${record},`), line)
})

test('fields without a place of their own stand behind kind', () => {
  const v1 = readLine('{"did":"d","time_us":1783175888000000,"kind":"commit","trace":{"a":1},"path":"p","commit":{"rev":"r","operation":"delete","collection":"c","rkey":"k","prev":"q"}}')
  assert.deepEqual(Object.entries(v1).slice(9), [['trace', { a: 1 }], ['server_path', 'p'], ['prev', 'q']])
  assert.equal(v1['path'], 'c/k')
  const v2 = readLine(
    '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#commit","seq":42,"did":"d","time":"2026-07-04T14:38:08.123456Z","rev":"r","operation":"update","collection":"c","rkey":"k","cid":"b","record":{"x":1}}}',
  )
  assert.deepEqual(Object.keys(v2), [...KEYS, 'seq'])
  assert.deepEqual([v2['seq'], v2['time_us'], v2['kind'], v2['action'], v2['record']], [42, 1783175888123456, 'commit', 'update', { x: 1 }])
  const sync = readLine(
    '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#sync","seq":43,"did":"d","time":"2026-07-04T14:38:08Z","sync":{"rev":"r"}}}',
  )
  assert.deepEqual([sync['kind'], sync['record'], sync['rev'], sync['seq'], sync['timestamp']], ['sync', { rev: 'r' }, null, 43, '2026-07-04T14:38:08.000000Z'])
})

test('two copies of one event have one identity, two events have two', () => {
  const commit = (micros: number, rev: string, operation = 'create'): string =>
    `{"did":"d","time_us":${micros},"kind":"commit","commit":{"rev":"${rev}","operation":"${operation}","collection":"c","rkey":"k"}}`
  const account = (micros: number, seq: number): string => `{"did":"d","time_us":${micros},"kind":"account","account":{"seq":${seq}}}`
  const identity = (text: string): string => {
    const message = readMessage(text)
    assert.equal(message?.is, 'event')
    return message.identity
  }
  assert.equal(identity(commit(1, 'a')), identity(commit(2, 'a')))
  assert.equal(identity(account(1, 7)), identity(account(2, 7)))
  const different = [commit(1, 'a'), commit(1, 'b'), commit(1, 'a', 'delete'), account(1, 7), account(1, 8), account(1, 7).replaceAll('account', 'identity')]
  assert.equal(new Set(different.map(identity)).size, different.length)
})

test('anything else is no event', () => {
  const good = '{"did":"d","time_us":1783175888000000,"kind":"commit","commit":{"rev":"r","operation":"create","collection":"c","rkey":"k","record":{},"cid":"b"}}'
  assert.ok(readMessage(good))
  const bad = [
    '', ' ', 'x', '[]', '3', 'null', '"x"', '{}', good.slice(0, -1), `${good}x`, '\ufeff' + good,
    ...['"did":"d",', '"time_us":1783175888000000,', '"kind":"commit",', '"operation":"create",', '"collection":"c",', '"rkey":"k",'].map((part) => good.replace(part, '')),
    good.replace('1783175888000000', '"1783175888000000"'), good.replace('1783175888000000', '-5'), good.replace('1783175888000000', '1.5'),
    good.replace('1783175888000000', '1e300'), good.replace('"r"', '3'), good.replace('"b"', '{}'), good.replace('"commit":{', '"commit":[{').replace(/\}\}$/, '}]}'),
    '{"$type":"message"}', '{"$type":"message","payload":{"$type":"x#commit"}}', '{"$type":"other","payload":{}}',
    '{"$type":"message","payload":{"$type":"x#identity","seq":1,"did":"d","time":"yesterday"}}',
  ]
  for (const text of bad) assert.equal(readMessage(text), undefined, text)
  assert.deepEqual(readMessage('{"$type":"error","error":"ConsumerTooSlow"}'), { is: 'error', name: 'ConsumerTooSlow', text: '' })
})

test('instants to the microsecond, both ways', () => {
  for (const [text, micros] of [
    ['2026-07-04T14:38:08.085434Z', 1783175888085434],
    ['1970-01-01T00:00:00.000000Z', 0],
    ['2100-02-28T23:59:59.999999Z', 4107542399999999],
  ] as const) {
    assert.equal(parseMicros(text), micros)
    assert.equal(formatMicros(micros), text)
  }
  assert.equal(parseMicros('2026-07-04 14:38:08'), 1783175888000000)
  assert.equal(parseMicros('2026-07-04T20:23:08.1+05:45'), 1783175888100000)
  assert.equal(parseMicros('2026-07-04T20:23:08.1234567+0545'), 1783175888123456)
  for (const text of ['', '2026-07-04', 'yesterday', '2026-13-04T00:00:00Z', '2026-07-04T25:00:00Z', 'x2026-07-04T14:38:08Z']) assert.equal(parseMicros(text), undefined, text)
})
