import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { linesOf } from '../../src/ingest/lines.ts'
import { contentsOf, formatSegmentFile, parseSegmentFile } from '../../src/ingest/segment.ts'
import { command, meanwhile } from '../faults/scenarios.ts'
import { readLake, tree } from '../lake.ts'
import { eventLines } from '../lines.ts'
import { workplace } from '../process.ts'

const INPUT = `${eventLines(1000).join('\n')}\n\n\r\n`
const ROLLED = ['handle-stream', '--roll-rows', '500'] as const

const segments = (cwd: string): string[] => tree(join(cwd, '.sluice', 'wal')).filter((path) => path.endsWith('.ndjson')).map((path) => join(cwd, '.sluice', 'wal', path))
const rows = async (cwd: string): Promise<number> => (await readLake(join(cwd, 'lake'))).length

/** As many ways in which a segment is not what it was. */
const CHANGES: readonly [name: string, change: (path: string) => void, said: RegExp][] = [
  ['cut', (path) => truncateSync(path, statSync(path).size >> 1), /500 lines in [\d,]+ bytes, as it did when it was written, got 25\d lines in/],
  ['grown', (path) => appendFileSync(path, `${eventLines(1, 5000)[0]}\n`), /500 lines in .* got 501 lines in/],
  ['changed', (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('did:plc:u3', 'did:plc:u4')), /500 lines in .* got other ones/],
]

test('a segment of a killed writer that was cut, grown or changed is set aside, told of, and everything else goes on', async (t) => {
  for (const [name, change, said] of CHANGES) {
    const cwd = workplace(t)
    await command(ROLLED, cwd, { fault: 'kill@before:commit.rename#1', input: INPUT })
    const [first = ''] = segments(cwd)
    change(first)
    const before = await command(['sluice', 'fsck'], cwd)
    assert.equal(before.code, 1, name)
    assert.match(before.stdout, /error .*wal\/.*00000001\..*\.ndjson/, name)
    mkdirSync(join(cwd, 'queries', 'metrics'), { recursive: true })
    writeFileSync(join(cwd, 'queries', 'metrics', 'count.sql'), 'SELECT count(*) AS n FROM events')
    const { code, stderr } = await command([name === 'cut' ? 'periodic' : 'handle-stream'], cwd)
    assert.equal(code, 0, stderr)
    const [line = ''] = stderr.split('\n').filter((one) => one.includes('quarantine'))
    assert.match(line, said)
    assert.match(line, /it is kept as \S*\.sluice\/quarantine\/wal\/\S+00000001\.\S+: see 'sluice fsck'$/)
    assert.ok((await rows(cwd)) <= 502)
    assert.deepEqual(segments(cwd), [], 'no start comes to it again')
    const after = await command(['sluice', 'fsck'], cwd)
    assert.equal(after.code, 1)
    assert.match(after.stdout, /quarantine\/wal\/.*a segment that was changed after it was written/)
    assert.match((await command(['sluice', 'status'], cwd)).stdout, /1 segment of the log changed after being written/)
    // What is good of it can be fed whatever the lake has of it.
    await command(['handle-stream'], cwd, { input: INPUT })
    assert.equal(await rows(cwd), 1000, name)
  }
})

test('a segment that is cut between append and conversion stops its writer, which keeps it; what came before it is in the lake', async (t) => {
  for (const writer of ['duckdb', 'parquetjs']) {
    const cwd = workplace(t)
    const { code, stderr } = await meanwhile(['handle-stream', '--roll-rows', '500', '--writer', writer], cwd, {
      stop: 'after:wal.seal#2',
      input: INPUT,
      act: async () => truncateSync(segments(cwd).at(-1) as string, 50_000),
    })
    assert.equal(code, 74, stderr)
    assert.match(stderr, /^handle-stream: expected \S+00000002\.\S+ to hold [\d,]+ bytes, as it did when it was written, got 50,000; .*what is left of it is kept\n/m)
    assert.equal(await rows(cwd), 500)
    assert.equal(segments(cwd).length, 1)
  }
})

test('lines of a segment that are neither events nor rejects stop its writer', async (t) => {
  const cwd = workplace(t)
  const { code, stderr } = await meanwhile(['handle-stream'], cwd, {
    stop: 'after:wal.seal#1',
    input: INPUT,
    // As many bytes, and fewer lines.
    act: async () => writeFileSync(segments(cwd)[0] as string, readFileSync(segments(cwd)[0] as string, 'latin1').replace(/\n.*\n/, (line) => `\n${'\n'.repeat(line.length - 1)}`), 'latin1'),
  })
  assert.equal(code, 74, stderr)
  assert.match(stderr, /expected the 1,000 lines of \S+ to become as many events and rejects, got 999 and 0/)
  assert.equal(await rows(cwd), 0)
})

test('the name of a segment says what it holds, and comes back from it', async (t) => {
  const cwd = workplace(t)
  const path = join(cwd, 'segment')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('', '\r', '\r\r', 'a', '{}', 'b\r', ' '), { maxLength: 20 }), fc.boolean(), async (lines, ended) => {
      const text = lines.join('\n') + (ended ? '\n' : '')
      writeFileSync(path, text)
      const holds = await contentsOf(path)
      assert.deepEqual(holds, { bytes: text.length, lines: [...linesOf(Buffer.from(text))].length, checksum: crc32(text) })
      for (const kind of ['ndjson', 'letters'] as const) {
        assert.deepEqual(parseSegmentFile(formatSegmentFile(7, kind, holds)), { sequence: 7, kind, holds })
        assert.deepEqual(parseSegmentFile(formatSegmentFile(7, kind)), { sequence: 7, kind, holds: undefined })
      }
    }),
    { numRuns: 200 },
  )
})
