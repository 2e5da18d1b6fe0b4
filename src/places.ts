import { parseText } from './quantity.ts'
import type { Option } from './options.ts'

/** The options every executable takes; paths are relative to the working directory. */
export const PLACES = {
  lake: { describe: 'Directory of the lake', argument: 'DIR', parse: parseText, default: 'lake' },
  state: { describe: 'Directory of private state, on the same filesystem as the lake', argument: 'DIR', parse: parseText, default: '.sluice' },
} satisfies Record<string, Option<string>>
