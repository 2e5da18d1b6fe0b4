/**
 * Every step of this program that changes the disk, by name, and what the next run has to do about a process that died just before or
 * just after one of its system calls. Tests kill at each of them, and make each fail.
 */
export const STEPS = {
  'places.make': 'Nothing: a directory that is there is taken as it is.',

  'identity.write': 'A lake that has no id yet gets one. What is left of the file with another name is written over.',
  'identity.rename': 'The same before it; after it, nothing: the lake has its id.',
  'identity.settle': 'Nothing: the name is synced by whoever opens the state next.',

  'wal.make': 'A log that has no writer\'s name yet, `wal/new-<writer>`, holds nothing: it is removed when it is a minute old.',
  'wal.name': 'As above before it; after it an empty log, which is removed.',
  'wal.create': 'A segment of no bytes: it is converted to no file, and removed.',
  'wal.append': 'All whole lines of the segment are converted; one that is cut short was not read, and is kept as a reject.',
  'wal.flush': 'As for `wal.append`: what is not flushed is lost with the power only.',
  'wal.roll': 'The segment is converted, closed or not.',
  'wal.seal': 'The segment is converted, whether or not its name says already what it holds.',
  'wal.aside': 'Before it the segment is found again not to be what it was, and set aside; after it the others of its log are converted.',
  'wal.adopt': 'Before it the dead letters are still rejected, after it they are a segment: it is converted.',
  'wal.retire': 'A log without segments, or what is left of its directory, is removed.',

  'stage.template': 'What a writer without a live log left in `staging/` is removed.',
  'stage.write': 'As above, and the segment is converted anew.',
  'stage.remove': 'As for `stage.template`.',

  'commit.undrop': 'A date that was dropped is or is not in the lake as a symlink: the segment is converted anew and looks again.',
  'commit.directory': 'A directory of the lake without files is used by the next file of its hour.',
  'commit.seal': 'The segment is converted anew, over whatever is staged.',
  'commit.sync': 'The segment is converted anew, over whatever is staged.',
  'commit.rename': 'The same: the file that is in the lake already is replaced by its like, under its own name.',
  'commit.settle': 'As for `commit.rename`.',
  'follow.link': 'As for `commit.rename`: the new name is in the generation that is then the current one.',
  'follow.rename': 'As for `follow.link`; the staged name of the same file is removed before anything is written to it.',
  'follow.remove': 'As for `follow.rename`.',
  'follow.settle': 'As for `follow.rename`.',

  'reject.directory': 'The segment is converted anew.',
  'reject.write': 'The same: half a file of rejects is only in `staging/`, and is removed.',
  'reject.sync': 'As for `reject.write`.',
  'reject.rename': 'The segment is converted anew: its rejects replace themselves, under its own name.',
  'reject.settle': 'As for `reject.rename`.',
  'ingest.done': 'Before it the segment is converted anew, to the same names; after it, nothing: all that it said is in the lake.',

  'recover.sweep': 'The rest of what a dead writer left in `staging/` is removed.',

  'compact.build': 'The next generation of the hour, in `trash/`, that nobody has seen: it is removed.',
  'compact.seal': 'As for `compact.build`.',
  'compact.sync': 'As for `compact.build`.',
  'compact.symlink': 'As for `compact.build`.',
  'compact.note': 'As for `compact.build`, with its note.',
  'compact.settle': 'As for `compact.note`.',
  'compact.carry': 'As for `compact.note`.',
  'compact.exchange': 'Before it as for `compact.note`. After it the merged files are the lake: what came meanwhile is carried over.',
  'swap.publish': 'Where there is no exchange. Before it as for `compact.note`; after it the old generation is taken out of the lake.',
  'swap.retire': 'What is left of the swap is done.',
  'swap.symlink': 'As for `swap.retire`.',

  'late.link': 'The rest of what came meanwhile is carried over.',
  'late.settle': 'As for `late.link`.',
  'late.done': 'Before it as for `late.link`; after it the old files wait for the end of their grace, and are known by their merged files.',

  'undo.note': 'What a killed compaction built is removed.',
  'undo.remove': 'The rest of it is removed: without its note, whatever is left of it counts for nothing.',
  'empty.symlink': 'The other symlinks into this trash are removed, strangers that were in the hour go back to it, then the trash is removed.',
  'empty.remove': 'The rest of the trash is removed.',

  'drop.symlink': 'A date\'s symlink in `trash/` that was not exchanged is removed.',
  'drop.exchange': 'Before it as above; after it the date is out of the lake, and its files wait for the end of their grace.',
  'drop.rename': 'Where there is no exchange: the date is in the lake, or its files wait for the end of their grace.',
  'drop.settle': 'As after `drop.exchange`.',

  'restore.release': 'Before it what was merged from these files is found to be damaged again, and no event of theirs to be missing; after it, nothing.',
  'repair.move': 'What is wrong is found again by the next check, here or in the quarantine.',
} as const satisfies Record<string, string>

export type Step = keyof typeof STEPS
