/** What finds it: a scenario with a fault (`trace`: the order of its system calls), or a test file, of which one test is enough. */
type Finder = readonly [scenario: string, fault: string] | { file: string; test?: string }

/** One text of a compiled file, and what is put in its place. */
export interface Mutant {
  name: string
  file: string
  from: string
  to: string
  foundBy: Finder
}

const FSYNCS: readonly Mutant[] = [
  ['a batch is not synced before it is renamed', 'lake/commit.js', "await disk.sync(staged, 'commit.sync');", 'ingest'],
  ['its directory is not synced', 'lake/commit.js', "await disk.sync(dirname(path), 'commit.settle');", 'ingest'],
  ['nor is that of a file that follows', 'lake/commit.js', "await disk.sync(dirname(to), 'follow.settle');", 'a file that comes after the exchange'],
  ['rejects are not synced before they are renamed', 'ingest/reject.js', "await disk.sync(staged, 'reject.sync');", 'ingest'],
  ['nor is their directory', 'ingest/reject.js', "await disk.sync(directory, 'reject.settle');", 'ingest'],
  ['a new directory is not synced', 'lake/disk.js', "await pass('fsync', step, [dirname(path)], () => syncPath(dirname(path)));", 'ingest'],
  ['what is merged is not synced', 'lake/compact.js', "await disk.sync(join(built, file), 'compact.sync');", 'compaction'],
  ['the note of a merge is not synced', 'lake/compact.js', "await disk.sync(`${fresh}.json.new`, 'compact.note');", 'compaction'],
  ['directories of a merge are not synced before the exchange', 'lake/compact.js', "await disk.sync(directory, 'compact.settle');", 'compaction'],
  ['nor after it', 'lake/trash.js', "await disk.sync(directory, 'late.settle');", 'compaction'],
  ['two renames in an hour are not synced', 'lake/trash.js', 'inLake, dirname(inLake), trashed, dirname(trashed)]', 'compaction without exchange', 'dirname(inLake), dirname(trashed)]'],
  ['a dropped date is not synced', 'lake/trash.js', "await disk.sync(lake, 'drop.settle');", 'retention'],
  ['a segment is not flushed when it is closed', 'ingest/wal.js', "await disk.flush(file, 'wal.roll');", 'ingest, safe from power loss by rolls alone'],
  ['its name is not flushed with its first bytes', 'ingest/wal.js', "await disk.sync(directory, 'wal.flush');", 'ingest, safe from power loss'],
].map(([name = '', file = '', from = '', scenario = '', to = ';']) => ({ name, file, from, to, foundBy: [scenario, 'trace'] }))

export const MUTANTS: readonly Mutant[] = [
  ...FSYNCS,
  {
    name: 'the checksum of a file leaves out its footer',
    file: 'lake/seal.js',
    from: 'crc32(encode(footer), before)',
    to: 'before',
    foundBy: { file: 'lake/seal.test.js', test: 'flipped bits' },
  },
  {
    name: 'a failed fsync is passed over',
    file: 'lake/disk.js',
    from: "sync: (path, step) => guardAsync('fsync', path, () => pass('fsync', step, [path], () => syncPath(path))),",
    to: "sync: async (path, step) => { try { await pass('fsync', step, [path], () => syncPath(path)) } catch {} },",
    foundBy: ['retention', 'fail@fsync#6:EIO'],
  },
  {
    name: 'a segment goes before its batch is in the lake',
    file: 'ingest/ingest.js',
    from: 'const files = [];\n        for (const { path, hour, rows } of batch.files) {',
    to: "const files = [];\n        await disk.remove(segment.path, 'ingest.done');\n        for (const { path, hour, rows } of batch.files) {",
    foundBy: ['ingest', 'kill@before:commit.rename#1'],
  },
  {
    name: 'a segment goes before its rejects are kept',
    file: 'ingest/ingest.js',
    from: 'await keepRejects(disk, state, segment.name, batch.rejects, new Date(segment.closedAt));',
    to: "await disk.remove(segment.path, 'ingest.done');\n        await keepRejects(disk, state, segment.name, batch.rejects, new Date(segment.closedAt));",
    foundBy: ['ingest', 'kill@before:reject.rename#1'],
  },
  {
    name: 'a segment stays when its batch is in the lake',
    file: 'ingest/ingest.js',
    from: "await disk.remove(segment.path, 'ingest.done');",
    to: ';',
    foundBy: ['ingest', 'kill@before:commit.rename#1'],
  },
  {
    name: 'what a source repeats of files in the lake is taken in again',
    file: 'ingest/dedup.js',
    from: 'await inLake.markRepeated(batch.hashes, repeated, { spans, listed, isOurs });',
    to: '',
    foundBy: ['ingest', 'kill@before:commit.rename#5'],
  },
  {
    name: 'a segment that was cut is converted as it is',
    file: 'ingest/segment.js',
    from: 'if (!holds || (found.checksum === holds.checksum && found.bytes === holds.bytes))',
    to: 'if (true)',
    foundBy: { file: 'ingest/segment.test.js', test: 'set aside' },
  },
  {
    name: 'of a segment that was cut while its writer lives, what is left is converted',
    file: 'ingest/ingest.js',
    from: 'problem = await lengthProblem(segment);',
    to: ';',
    foundBy: { file: 'ingest/segment.test.js', test: 'stops its writer' },
  },
  {
    name: 'staged files of dead writers stay',
    file: 'ingest/ingest.js',
    from: "await disk.removeTree(join(staging, name), 'recover.sweep');",
    to: ';',
    foundBy: ['ingest', 'kill@before:commit.rename#1'],
  },
  {
    name: 'two recoveries at a time',
    file: 'ingest/ingest.js',
    from: "const turn = await acquireDirectory(join(state, 'wal'));",
    to: 'const turn = { release() {} };',
    foundBy: { file: 'faults/races.test.js', test: 'who resumes while another recovers' },
  },
  {
    name: 'logs of live writers are recovered',
    file: 'ingest/wal.js',
    from: 'if (!lock)\n            continue;',
    to: '',
    foundBy: { file: 'faults/races.test.js', test: 'a live one keeps them' },
  },
  {
    name: 'two compactions at a time',
    file: 'bin/sluice-compact.js',
    from: 'if (!lock)',
    to: 'if (false)',
    foundBy: { file: 'faults/races.test.js', test: 'one compaction at a time' },
  },
  {
    name: 'files whose segments are in a log are merged',
    file: 'lake/compaction.js',
    from: 'current.filter((entry) => !pending(entry))',
    to: 'current',
    foundBy: { file: 'faults/races.test.js', test: 'goes on as it is' },
  },
  {
    name: 'what a killed merge had built stays',
    file: 'lake/trash.js',
    from: 'if (!(await wasExchanged(path, name.generation))) {',
    to: 'if (false) {',
    foundBy: ['compaction', 'kill@before:compact.exchange#1'],
  },
  {
    name: 'what a killed merge had built is taken for old files',
    file: 'lake/trash.js',
    from: "await disk.remove(`${path}.json`, 'undo.note');",
    to: ';',
    foundBy: ['compaction undone', 'kill@after:undo.remove#3'],
  },
  {
    name: 'a file that comes between listing and exchange is left behind',
    file: 'lake/trash.js',
    from: "await carry(disk, join(trashed, String(note.generation)), join(inLake, String(generation)), { taken: note.inputs, step: 'late.link' });",
    to: ';',
    foundBy: ['a file that comes before the exchange', 'trace'],
  },
  {
    name: 'files that were merged are carried over too',
    file: 'lake/trash.js',
    from: 'if (!taken.includes(file))',
    to: '',
    foundBy: ['compaction', 'trace'],
  },
  {
    name: 'a file that comes after the exchange stays in the past',
    file: 'lake/commit.js',
    from: 'now !== generation; now = await',
    to: 'false; now = await',
    foundBy: ['a file that comes after the exchange', 'trace'],
  },
  {
    name: 'an event goes into a date that was dropped',
    file: 'lake/commit.js',
    from: 'await undrop(disk, dirname(hourDirectory));',
    to: '',
    foundBy: ['an event of a date that was dropped', 'trace'],
  },
  {
    name: 'old files go at once',
    file: 'lake/trash.js',
    from: '.ctimeMs + grace > now()',
    to: '.ctimeMs > now()',
    foundBy: { file: 'faults/races.test.js', test: 'a date with an hour that was merged just now' },
  },
  {
    name: 'old paths of a merged hour lead nowhere',
    file: 'lake/compact.js',
    from: 'await linkOldGenerations(disk, old, fresh);',
    to: '',
    foundBy: { file: 'faults/races.test.js', test: 'a lake behind a symlink' },
  },
  {
    name: 'two renames that a kill came between are not ended',
    file: 'lake/swap.js',
    from: "if ((await kindOf(aside)) === 'directory')",
    to: 'if (false)',
    foundBy: ['a file that comes before the renames', 'trace'],
  },
  {
    name: 'two directories are renamed and not exchanged',
    file: 'lake/swap.js',
    from: "if (await disk.exchange(inLake, fresh, 'compact.exchange'))",
    to: "await disk.rename(inLake, `${fresh}.aside`, 'compact.exchange');\n    await new Promise((resolve) => setTimeout(resolve, 20));\n    await disk.rename(fresh, inLake, 'compact.exchange');\n    await disk.rename(`${fresh}.aside`, fresh, 'compact.exchange');\n    if (true)",
    foundBy: { file: 'faults/readers.test.js', test: 'while hours are merged' },
  },
  {
    name: 'a date is dropped by a rename',
    file: 'lake/trash.js',
    from: "if (!(await disk.exchange(inLake, trashed, 'drop.exchange'))) {",
    to: 'if (true) {',
    foundBy: { file: 'faults/readers.test.js', test: 'while dates are dropped' },
  },
  {
    name: 'an hour is exchanged while it is listed',
    file: 'lake/listing.js',
    from: 'return !watch || ',
    to: 'return true || ',
    foundBy: { file: 'lake/listing.test.js', test: 'no exchange falls into the time' },
  },
  {
    name: 'an hour is exchanged though it was listed while files were carried over',
    file: 'lake/listing.js',
    from: 'while (!quiet());',
    to: 'while (false);',
    foundBy: { file: 'lake/listing.test.js', test: 'what comes before an exchange' },
  },
]
