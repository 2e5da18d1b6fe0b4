import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../process.ts'

/** A fenced block of a document. */
export interface Block {
  /** Path from the root, such as `docs/cli.md`. */
  document: string
  /** The word behind the fence; empty where there is none. */
  language: string
  text: string
  /** Offset of `text` in the document. */
  at: number
  /** Its line in the document, from 1. */
  line: number
  /** The file that it is to be saved as, where the paragraph before it says “Save this as `path` …:”. */
  saveAs?: string
}

const markdown = (directory: string): string[] => readdirSync(join(ROOT, directory)).filter((name) => name.endsWith('.md'))

/** All documents of the project, as paths from the root. */
export const DOCUMENTS = [...markdown('.'), ...markdown('docs').map((name) => `docs/${name}`)]

export function readDocument(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

/** The fenced blocks of a document, in order. */
export function blocksOf(document: string): Block[] {
  const page = readDocument(document)
  return [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ 0: whole, 1: language = '', 2: text = '', index }) => {
    const at = index + whole.indexOf('\n') + 1
    const before = page.slice(0, index).trimEnd().split('\n\n').at(-1) ?? ''
    const saveAs = before.endsWith(':') ? /Save this as\s+`([^`]+)`/.exec(before)?.[1] : undefined
    return { document, language, text, at, line: page.slice(0, at).split('\n').length, ...(saveAs === undefined ? {} : { saveAs }) }
  })
}

/** A document without its fenced blocks. */
export function proseOf(document: string): string {
  return readDocument(document).replace(/^```\w*\n[^]*?^```$/gm, '')
}

/** One command of a `console` block, and what it prints. */
export interface Shown {
  command: string
  output: string
}

/** `$ command`, then its output, as often as there is one. */
export function commandsOf({ document, line, text }: Block): Shown[] {
  if (!text.startsWith('$ ')) throw new Error(`${document}:${line}: expected a console block to begin with $ and a command, got ${text.split('\n', 1)[0]}`)
  return text.split(/^\$ /m).slice(1).map((one) => {
    const [command = '', ...output] = one.split('\n')
    return { command, output: output.join('\n') }
  })
}
