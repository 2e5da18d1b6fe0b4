import { join } from 'node:path'
import type { Checked } from '../check/fsck.ts'
import { fsck } from '../check/fsck.ts'
import type { Inspector } from '../check/parquet.ts'
import { openInspector } from '../check/parquet.ts'
import { planRepair, repair } from '../check/repair.ts'
import { showFinding, showSummary, whereOf } from '../check/show.ts'
import { SLUICE } from '../commands/sluice.ts'
import { EXIT, Failure } from '../failure.ts'
import { unmarkHeld } from '../lake/identity.ts'
import { acquire } from '../lake/lock.ts'
import { hasVanished, openLake } from '../lake/open.ts'
import { PASSABLE } from '../lake/private.ts'
import { printable } from '../printable.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

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
    SLUICE.fsck,
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
    print(settings.json ? `${JSON.stringify(line)}\n` : showFinding(finding, settings))
  }
  const summary = { files, rows, errors, warnings: findings.length - errors, quick: settings.quick }
  print(settings.json ? `${JSON.stringify(summary)}\n` : showSummary(checked, settings.quick))
  return errors === 0 ? 0 : EXIT.failed
}

async function repairing(settings: Settings, inspector: Inspector): Promise<number> {
  const { lake, state, grace, timezone, json } = settings
  await disk.makeDirectory(state, 'places.make', PASSABLE)
  const lock = await acquire(join(state, 'periodic.lock'), Date.now())
  if (!lock) throw new Failure(`a periodic is running in ${state}; wait for it, or stop it`, EXIT.busy)
  try {
    const { findings, live } = await check(settings, inspector)
    const vanished = await hasVanished({ lake, state })
    const id = vanished ? '' : await openLake({ lake, state, disk })
    const place = { lake, state, id, disk, now: Date.now }
    for await (const { said, skipped } of repair(planRepair(findings, { live }), place, { grace, timezone, live })) {
      print(json ? `${JSON.stringify({ repaired: !skipped, said })}\n` : `${printable(said)}\n`)
    }
    // All that was left of it is in the quarantine now.
    if (!vanished && (await hasVanished({ lake, state }))) await unmarkHeld(disk, state)
    return show(await check(settings, inspector), settings)
  } finally {
    lock.release()
  }
}
