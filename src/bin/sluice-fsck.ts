import { join } from 'node:path'
import type { Checked } from '../check/fsck.ts'
import { fsck } from '../check/fsck.ts'
import type { Inspector } from '../check/parquet.ts'
import { openInspector } from '../check/parquet.ts'
import { planRepair, repair } from '../check/repair.ts'
import { showFinding, showSummary, whereOf } from '../check/show.ts'
import { EXIT, Failure } from '../failure.ts'
import { unmarkHeld } from '../lake/identity.ts'
import { acquire } from '../lake/lock.ts'
import { MAINTENANCE } from '../lake/maintain.ts'
import { hasVanished, openLake } from '../lake/open.ts'
import { PLACES } from '../places.ts'
import { parseZone } from '../quantity.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'

export const summary = 'Check that lake and state are as they should be, and repair them'

const options = {
  ...PLACES,
  quick: { describe: 'Look at names and footers only: no event is read, so none is found to be repeated or misplaced' },
  repair: { describe: 'Put right what is wrong; what is in the way is moved to STATE/quarantine, nothing is deleted' },
  timezone: { describe: 'With --repair: time zone of timestamps that name none, in what dead writers left', parse: parseZone, default: 'UTC' },
  grace: { ...MAINTENANCE.grace, describe: 'With --repair: leave what compaction replaced to queries that still read it for this long' },
  json: { describe: 'Print one JSON object per finding, then one for the summary' },
}

interface Settings {
  lake: string
  state: string
  quick: boolean
  repair: boolean
  timezone: string
  grace: number
  json: boolean
}

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    {
      name: 'sluice fsck',
      summary: `${summary}.`,
      epilogue: [
        'Exit codes: 0 no errors (warnings may be), 1 errors, 2 usage, 75 --repair while a periodic is running.',
        'With --repair, what is left after it counts.',
      ].join('\n'),
      options,
    },
    async (settings) => {
      if (settings.quick && settings.repair) {
        throw new Failure("expected one of --quick and --repair, since rows are to be known before any is moved; see 'sluice fsck --help'", EXIT.usage)
      }
      const inspector = await openInspector()
      try {
        return settings.repair ? await repairing(settings, inspector) : show(await check(settings, inspector), settings)
      } finally {
        inspector.close()
      }
    },
    argv,
  )
}

function check({ lake, state, quick, repair }: Settings, inspector: Inspector): Promise<Checked> {
  return fsck({ lake, state }, inspector, { quick, now: Date.now(), alone: repair })
}

/** Errors decide the exit code. */
function show(checked: Checked, settings: Settings): number {
  const { findings, files, rows } = checked
  const errors = findings.filter(({ severity }) => severity === 'error').length
  for (const finding of findings) {
    const { severity, check, what } = finding
    const line = { severity, check, path: whereOf(finding, settings), what, do: finding.do }
    process.stdout.write(settings.json ? `${JSON.stringify(line)}\n` : showFinding(finding, settings))
  }
  const summary = { files, rows, errors, warnings: findings.length - errors, quick: settings.quick }
  process.stdout.write(settings.json ? `${JSON.stringify(summary)}\n` : showSummary(checked, settings.quick))
  return errors === 0 ? 0 : EXIT.failed
}

async function repairing(settings: Settings, inspector: Inspector): Promise<number> {
  const { lake, state, grace, timezone, json } = settings
  await disk.makeDirectory(state, 'places.make')
  const lock = await acquire(join(state, 'periodic.lock'), Date.now())
  if (!lock) throw new Failure(`a periodic is running in ${state}; wait for it, or stop it`, EXIT.busy)
  try {
    const { findings, live } = await check(settings, inspector)
    const vanished = await hasVanished({ lake, state })
    const id = vanished ? '' : await openLake({ lake, state, disk })
    const place = { lake, state, id, disk, now: Date.now }
    for await (const { said, skipped } of repair(planRepair(findings, { live }), place, { grace, timezone, live })) {
      process.stdout.write(json ? `${JSON.stringify({ repaired: !skipped, said })}\n` : `${said}\n`)
    }
    // All that was left of it is in the quarantine now.
    if (!vanished && (await hasVanished({ lake, state }))) await unmarkHeld(disk, state)
    return show(await check(settings, inspector), settings)
  } finally {
    lock.release()
  }
}
