import { readFileSync } from 'node:fs'
import { join } from 'node:path'
// 18.0 with string-width 7: later ones compile \p{RGI_Emoji}, 50 ms of each start.
import yargs from 'yargs'
import { nearest } from './did-you-mean.ts'
import { codeOf, EXIT, Failure, messageOf } from './failure.ts'
import { packageVersion } from './package.ts'
import { parseYaml } from './yaml.ts'

/** One option: its flag is the kebab-case of its key, its variable `SLUICE_` + that in capitals, its `sluice.yaml` key the flag without dashes. */
export interface Option<T> {
  describe: string
  /**
   * Turns the text into the value, or throws an Error whose message completes "expected …". Absent: a switch, true or false.
   * `choices` are all texts that it takes, for completion.
   */
  parse?: ((text: string) => T) & { choices?: readonly string[] }
  /** As text, parsed like any other and shown in the help. Absent: undefined is a possible value. */
  default?: string
  /** Placeholder of the value, for completion: after DIR and FILE come paths. */
  argument?: string
}

export type Options = Record<string, Option<unknown>>

type Value<O> = O extends { parse: (text: string) => infer T } ? (O extends { default: string } ? T : T | undefined) : boolean

export type Values<S extends Options> = { [K in keyof S]: Value<S[K]> }

export interface Command<S extends Options> {
  /** As typed: `handle-stream`, `sluice rejects`. */
  name: string
  summary: string
  /** Help lines below the options. */
  epilogue?: string
  options: S
  /** The one positional argument, where the command takes any: `DIR`, or all that it can be, such as `bash|zsh`. */
  positional?: string
}

export type Parsed<S extends Options> =
  /** What --help or --version prints. */
  | { kind: 'text'; text: string }
  | { kind: 'run'; values: Values<S>; positionals: string[] }

const BOOLEAN = /^(?:(true|1|yes|on)|(false|0|no|off))$/i

export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
}

/**
 * Values by precedence: flag, environment variable, key in `sluice.yaml` of the working directory, default.
 * Throws a Failure (exit code 2, one line) for anything that is not an option or not a valid value.
 */
export async function parseOptions<S extends Options>(
  command: Command<S>,
  argv: readonly string[],
  context: { env: Record<string, string | undefined>; cwd: string },
): Promise<Parsed<S>> {
  const parser = define(command)
  let flags: Record<string, unknown> & { _: (string | number)[] }
  try {
    flags = (await parser.parseAsync([...argv])) as typeof flags
  } catch (error) {
    throw usage(command, messageOf(error))
  }
  if (flags['help'] === true) return { kind: 'text', text: `${await parser.getHelp()}\n` }
  if (flags['version'] === true) return { kind: 'text', text: `${command.name} ${packageVersion()}\n` }
  refuseUnknown(command, Object.keys(flags))

  const positionals = flags._.map(String)
  if (positionals.length > (command.positional === undefined ? 0 : 1)) {
    throw usage(command, `unexpected argument \`${positionals.at(-1)}\``)
  }
  const file = await readConfig(context.cwd)
  const values: Record<string, unknown> = {}
  for (const [key, option] of Object.entries(command.options)) {
    const flag = kebab(key)
    const variable = `SLUICE_${flag.toUpperCase().replaceAll('-', '_')}`
    const given: [string, unknown][] = [
      [`--${flag}`, flags[flag]],
      [variable, context.env[variable] === '' ? undefined : context.env[variable]],
      [`${flag} in sluice.yaml`, file[flag]],
      ['default', option.default],
    ]
    const [source, raw] = given.find(([, value]) => value !== undefined && value !== null) ?? ['default', undefined]
    values[key] = convert(command, option, source, raw)
  }
  return { kind: 'run', values: values as Values<S>, positionals }
}

function define<S extends Options>(command: Command<S>) {
  const parser = yargs([])
    .scriptName(command.name)
    .usage(`Usage: ${command.name}${command.positional === undefined ? '' : ` [${command.positional}]`} [options]\n\n${command.summary}`)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    })
    .exitProcess(false)
    .fail(false)
    .version(false)
    .help(false)
    .wrap(100)
    .option('help', { alias: 'h', type: 'boolean', describe: 'Show this help' })
    .option('version', { type: 'boolean', describe: 'Show the version' })
  for (const [key, option] of Object.entries(command.options)) {
    parser.option(kebab(key), {
      type: option.parse ? 'string' : 'boolean',
      describe: option.describe,
      ...(option.default === undefined ? {} : { defaultDescription: option.default }),
      ...(option.parse ? { requiresArg: true } : {}),
    })
  }
  return command.epilogue === undefined ? parser : parser.epilogue(command.epilogue)
}

function refuseUnknown(command: Command<Options>, given: readonly string[]): void {
  const known = ['help', 'version', ...Object.keys(command.options).map(kebab)]
  const unknown = given.find((key) => key !== '_' && key !== '$0' && !known.includes(key))
  if (unknown === undefined) return
  const close = nearest(unknown, known)
  const meant = close === undefined ? '' : ` (did you mean \`--${close}\`?)`
  throw usage(command, `expected an option, got \`${unknown.length === 1 ? '-' : '--'}${unknown}\`${meant}`)
}

function convert(command: Command<Options>, option: Option<unknown>, source: string, raw: unknown): unknown {
  if (Array.isArray(raw)) throw usage(command, `expected ${source} once, got it ${raw.length} times`)
  if (raw === undefined) return option.parse ? undefined : false
  const text = String(raw)
  if (!option.parse) {
    const match = BOOLEAN.exec(text)
    if (!match) throw usage(command, `expected ${source} to be true or false, got \`${text}\``)
    return match[1] !== undefined
  }
  try {
    return option.parse(text)
  } catch (error) {
    throw usage(command, `expected ${source} to be ${messageOf(error)}, got \`${text}\``)
  }
}

async function readConfig(cwd: string): Promise<Record<string, unknown>> {
  const path = join(cwd, 'sluice.yaml')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw new Failure(`cannot read ${path}: ${messageOf(error)}; make it readable or remove it`, EXIT.usage)
  }
  const yaml = await parseYaml(text)
  if ('problem' in yaml) throw new Failure(`${path}${yaml.line === undefined ? '' : `:${yaml.line}`}: ${yaml.problem}`, EXIT.usage)
  const { value } = yaml
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Failure(`${path}: expected keys and values such as \`lake: lake\`, got ${JSON.stringify(value)}`, EXIT.usage)
  }
  return value as Record<string, unknown>
}

function usage(command: Pick<Command<Options>, 'name'>, problem: string): Failure {
  return new Failure(`${problem}; see '${command.name} --help'`, EXIT.usage)
}
