// Every command that takes options: what a name in sluice.yaml or in the environment can mean.
import type { Command, Options } from '../options.ts'
import { BLUESKY } from './bluesky.ts'
import { HANDLE_STREAM } from './handle-stream.ts'
import { PERIODIC } from './periodic.ts'
import { SLUICE } from './sluice.ts'

export const COMMANDS: readonly Command<Options>[] = [BLUESKY, HANDLE_STREAM, PERIODIC, ...Object.values(SLUICE)]
