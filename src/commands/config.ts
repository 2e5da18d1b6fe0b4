// The text of a sluice.yaml that sets nothing: every key that any command reads, commented. Written by `sluice init`.
import type { Option } from '../options.ts'
import { kebab } from '../options.ts'
import { COMMANDS } from './all.ts'

const HEAD = `# Options of all commands that are run in this directory. To set one, remove the # before its key.
# A flag wins over an environment variable, and that over this file: --roll-rows, SLUICE_ROLL_ROWS, roll-rows.
`

/** One key in the order of the commands, with what each of them says about it. */
interface Key {
  name: string
  says: { by: string; option: Option<unknown> }[]
}

/** A YAML text with every key behind a #, and with the defaults as values: nothing changes if all of them are uncommented. */
export function configText(): string {
  return [HEAD, ...keys().map(paragraph)].join('\n')
}

function keys(): Key[] {
  const found = new Map<string, Key>()
  for (const command of COMMANDS) {
    for (const [key, option] of Object.entries(command.options)) {
      const name = kebab(key)
      const entry = found.get(name) ?? { name, says: [] }
      found.set(name, entry)
      entry.says.push({ by: command.name, option })
    }
  }
  return [...found.values()]
}

/** What is said in the same words is said once, by all who say it. A default in which the commands differ is left to each. */
function paragraph({ name, says }: Key): string {
  const sentences = new Map<string, string[]>()
  for (const { by, option } of says) sentences.set(option.describe, [...(sentences.get(option.describe) ?? []), by])
  const defaults = new Set(says.map(({ option }) => option.default ?? (option.parse ? '' : 'false')))
  const [value = ''] = defaults.size === 1 ? defaults : []
  const comments = [...sentences].flatMap(([text, by]) => wrap(`${text} (${briefly(by)})`))
  return [...comments.map((line) => `# ${line}\n`), `#${name}:${value === '' ? '' : ` ${value}`}\n`].join('')
}

/** `sluice runs, sluice docs` as `sluice runs, docs`: commands of sluice are the last ones. */
function briefly(names: readonly string[]): string {
  return names.map((name, index) => (names[index - 1]?.startsWith('sluice ') ? name.replace('sluice ', '') : name)).join(', ')
}

function wrap(text: string): string[] {
  return text.match(/.{1,116}(?= |$)/g)?.map((line) => line.trim()) ?? []
}
