// Scripts by which bash and zsh complete commands, options and values. Printed by `sluice completion`.
import type { Command, Option, Options } from '../options.ts'
import { kebab } from '../options.ts'
import { COMMANDS } from './all.ts'
import { SLUICE } from './sluice.ts'

const EXECUTABLES = [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0] as string))]

/** The whole script, to be sourced. No process is started to complete a word. */
export function completionScript(shell: 'bash' | 'zsh'): string {
  return shell === 'bash' ? bash() : zsh()
}

interface Flag {
  flag: string
  describe: string
  option: Option<unknown>
}

function flagsOf(command: Command<Options>): Flag[] {
  const own = Object.entries(command.options).map(([key, option]) => ({ flag: `--${kebab(key)}`, describe: option.describe, option }))
  return [
    { flag: '--help', describe: 'Show this help', option: { describe: '' } },
    { flag: '--version', describe: 'Show the version', option: { describe: '' } },
    ...own,
  ]
}

function choicesOf({ positional }: Command<Options>): string[] {
  return positional?.includes('|') ? positional.split('|') : []
}

function bash(): string {
  const cases: string[] = []
  for (const command of COMMANDS) {
    for (const { flag, option } of flagsOf(command)) if (option.parse) cases.push(`    '${command.name} ${flag}') ${bashValues(option)} ;;`)
  }
  for (const command of COMMANDS) {
    const words = [...flagsOf(command).map(({ flag }) => flag), ...choicesOf(command)].join(' ')
    const paths = command.positional === 'DIR' ? '[[ $word == -* ]] || { _sluice_paths -d; return; }; ' : ''
    cases.push(`    '${command.name} '*) ${paths}_sluice_words '${words}' ;;`)
  }
  return `# To complete ${EXECUTABLES.join(', ')} in bash, add this line to ~/.bashrc: source <(sluice completion bash)
_sluice_words() { COMPREPLY=($(compgen -W "$1" -- "$word")); }
_sluice_paths() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$word"))
  compopt -o filenames 2> /dev/null
}
_sluice() {
  local command=\${1##*/} word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # bash takes --lake=DIR for three words.
  if [[ $word == '=' ]]; then word=''; elif [[ $previous == '=' ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $command == sluice ]]; then
    if (( COMP_CWORD == 1 )); then _sluice_words '${[...Object.keys(SLUICE), 'help'].join(' ')} --help --version'; return; fi
    command="sluice \${COMP_WORDS[1]}"
  fi
  case "$command $previous" in
${cases.join('\n')}
  esac
}
complete -F _sluice ${EXECUTABLES.join(' ')}
`
}

function bashValues({ argument, parse }: Option<unknown>): string {
  if (parse?.choices) return `_sluice_words '${parse.choices.join(' ')}'`
  return argument === 'DIR' ? '_sluice_paths -d' : argument === 'FILE' ? '_sluice_paths -f' : ':'
}

function zsh(): string {
  const commands = Object.entries(SLUICE).map(([name, { brief }]) => quoted(`${name}:${brief}`))
  const cases = COMMANDS.map((command) => {
    const { positional } = command
    const action = positional === 'DIR' ? '_files -/' : `(${choicesOf(command).join(' ')})`
    const specs = [...flagsOf(command).map(zshFlag), ...(positional === undefined ? [] : [`'1:${positional}:${action}'`])]
    return `    ('${command.name}') _arguments ${specs.join(' \\\n      ')} ;;`
  })
  return `#compdef ${EXECUTABLES.join(' ')}
# To complete ${EXECUTABLES.join(', ')} in zsh, add this line to ~/.zshrc, after compinit: source <(sluice completion zsh)
_sluice() {
  local command=\${words[1]:t}
  if [[ $command == sluice ]]; then
    if (( CURRENT == 2 )); then
      local -a commands=(${commands.join(' ')})
      _describe command commands
      return
    fi
    command="sluice $words[2]"
    shift words
    (( CURRENT-- ))
  fi
  case $command in
${cases.join('\n')}
  esac
}
compdef _sluice ${EXECUTABLES.join(' ')}
`
}

function zshFlag({ flag, describe, option: { argument, parse } }: Flag): string {
  const text = describe.replace(/[[\]\\]/g, '\\$&').replaceAll(':', '\\:')
  if (!parse) return quoted(`${flag}[${text}]`)
  const action = parse.choices ? `(${parse.choices.join(' ')})` : argument === 'DIR' ? '_files -/' : argument === 'FILE' ? '_files' : ' '
  return quoted(`${flag}=[${text}]:${argument ?? 'value'}:${action}`)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
