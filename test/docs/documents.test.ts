import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { parseHeader, parseSources } from '../../src/query/header.ts'
import { ROOT, run, workplace } from '../process.ts'
import { blocksOf, commandsOf, DOCUMENTS, proseOf, readDocument } from './blocks.ts'
import type { Step } from './runner.ts'
import { bare, NOT_RUN, OTHERS, runDocument, sample, settled, stepsOf } from './runner.ts'

/** Puts the text of a block, or of a command of it, in the place of what is there. */
function rewrite(document: string, from: string, to: string): void {
  const page = readDocument(document)
  assert.equal(page.split(from).length, 2, `${document} has once: ${from}`)
  writeFileSync(join(ROOT, document), page.replace(from, () => to))
}

const isHelp = (command: string): boolean => command.endsWith(' --help')

test('each command of README and docs can be run, and prints what they show; UPDATE_DOCS=1 writes it anew', async (t) => {
  const from = await sample(t)
  const documents = DOCUMENTS.filter((document) => stepsOf(document).some(({ shown }) => !shown || !isHelp(shown.command)))
  const compare = ({ block: { document, line }, shown }: Step, output: string): void => {
    if (!shown || settled(output) === settled(shown.output)) return
    if (process.env['UPDATE_DOCS']) rewrite(document, `$ ${shown.command}\n${shown.output}`, `$ ${shown.command}\n${output.trimEnd()}\n`)
    else assert.equal(settled(output), settled(shown.output), `${document}:${line}: $ ${shown.command}; UPDATE_DOCS=1 writes it anew`)
  }
  const outputs = await Promise.all(documents.map((document) => runDocument(t, document, from)))
  for (const output of outputs) for (const [step, text] of output) compare(step, text)
})

test('each executable and command of sluice has its --help in docs, and each option that is named anywhere exists', async (t) => {
  const cwd = workplace(t)
  const help = async (name: string): Promise<[string, string]> => {
    const [executable = '', ...args] = name.split(' ')
    const { code, stdout, stderr } = await run(executable, [...args, '--help'], { cwd })
    assert.equal(code, 0, stderr)
    return [name, stdout]
  }
  const [sluice] = [await help('sluice')]
  const commands = [...sluice[1].matchAll(/^ {2}([a-z]+) /gm)].map(([, command]) => `sluice ${command}`)
  const helps = new Map([sluice, ...(await Promise.all(['bluesky', 'handle-stream', 'periodic', ...commands].map(help)))])
  for (const name of helps.keys()) {
    const block = DOCUMENTS.flatMap(blocksOf).find(({ language, text }) => language === 'console' && text.startsWith(`$ ./${name} --help\n`))
    assert.ok(block, `README or docs show ./${name} --help`)
    const real = `$ ./${name} --help\n${helps.get(name)?.trimEnd()}\n`
    if (process.env['UPDATE_DOCS'] && block.text !== real) rewrite(block.document, block.text, real)
    else assert.equal(block.text, real, `${block.document}:${block.line}; UPDATE_DOCS=1 writes it anew`)
  }

  const options = (text: string): string[] => [...text.matchAll(/(?<![\w-])--([a-z][a-z-]*[a-z]|[a-z])(?![\w…-])/g)].map(([option]) => option)
  const known = new Map([...helps].map(([name, text]) => [name, new Set(options(text))]))
  const bench = spawnSync(process.execPath, [join(ROOT, 'dist/bench/bench.js'), '--help'], { encoding: 'utf8' }).stdout
  const any = new Set([...known.values(), options(bench)].flatMap((set) => [...set]))
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  for (const document of DOCUMENTS) {
    const spans = [...proseOf(document).matchAll(/`([^`]+)`/g)].map(([, span]) => span as string)
    const lines = blocksOf(document).filter(({ language }) => language === 'sh').flatMap(({ text }) => text.split('\n').map(bare))
    for (const one of [...spans, ...lines].flatMap((text) => text.split(/\s*(?:\||&&)\s*/))) {
      const [, script] = /^npm run ([\w:-]+)/.exec(one) ?? []
      if (script !== undefined) assert.ok(script in scripts, `${document}: ${one}`)
      const [, name = '', rest = ''] = /^(?:\.\/)?(bluesky|handle-stream|periodic|sluice(?: [a-z]+)?)(?= |$)(.*)$/s.exec(one) ?? []
      if (name !== '') assert.ok(known.has(name), `${document}: no command of \`${one}\``)
      if (name === '' && !one.startsWith('--')) continue
      for (const option of options(name === '' ? one : rest)) assert.ok((known.get(name) ?? any).has(option), `${document}: no option of \`${one}\``)
    }
  }
})

test('each block is run, compared or parsed, or said why not', async () => {
  const used = new Set<string>()
  for (const block of DOCUMENTS.flatMap(blocksOf)) {
    const { document, line, language, text, saveAs } = block
    if (saveAs !== undefined) continue
    if (language === 'sh') for (const one of text.split('\n').map(bare)) used.add(one)
    else if (language === 'console') assert.ok(commandsOf(block).length > 0)
    else if (language === 'sql') continue
    else assert.ok(language in OTHERS, `${document}:${line}: expected a block of sh, console, sql or ${Object.keys(OTHERS).join(', ')}, got \`${language}\``)
    if (language !== 'yaml') continue
    const parsed = text.startsWith('events:') ? await parseSources(document, text) : await parseHeader(document, text)
    assert.ok(!('problem' in parsed), `${document}:${line}: ${JSON.stringify(parsed)}`)
  }
  assert.deepEqual(Object.keys(NOT_RUN).filter((line) => !used.has(line)), [], 'every line that is not run is shown somewhere')
})

/** As GitHub names the heading. */
const anchorOf = (heading: string): string => heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/ /g, '-')

test('links lead somewhere', () => {
  const anchors = new Map(DOCUMENTS.map((document) => [document, [...proseOf(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))]))
  for (const document of DOCUMENTS) {
    for (const [, link = ''] of proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? document : normalize(join(dirname(document), path))
      assert.ok(existsSync(join(ROOT, target)), `${document}: ${link}`)
      if (anchor !== undefined) assert.ok(anchors.get(target)?.includes(anchor), `${document}: ${link}: ${anchors.get(target)?.join(' ')}`)
    }
  }
})

test('tests that documents name are there', () => {
  for (const document of DOCUMENTS) {
    const page = readDocument(document)
    for (const [, file] of page.matchAll(/\b(?:dist\/)?(test\/[\w/-]+)\.(?:test\.)?[jt]s\b/g)) {
      assert.ok(['.test.ts', '.ts'].some((extension) => existsSync(join(ROOT, `${file}${extension}`))), `${document}: ${file}`)
    }
    // `file`: “title” and “title”; …
    for (const [, file = '', titles = ''] of page.matchAll(/`(test\/[\w/-]+\.test\.ts)`:((?:\s|and|“[^”]*”|\([^)]*\))*)/g)) {
      const source = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'")
      for (const [, title = ''] of titles.matchAll(/“([^”]*)”/g)) {
        assert.ok(source.includes(title.replace(/\s+/g, ' ')), `${document}: ${file} has no test “${title}”`)
      }
    }
  }
})

test('the workflow runs what .ci/run runs, and on macOS tests that are there', () => {
  const workflow = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8')
  assert.match(workflow, /run: \.ci\/run$/m)
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).map((file) => `dist/test/${file.replace(/\.ts$/, '.js')}`)
  const named = [...workflow.matchAll(/^ +(dist\/test\/\S+)$/gm)].map(([, path]) => path as string)
  assert.ok(named.length > 0)
  for (const path of named) assert.ok(files.some((file) => file.startsWith(path.replace(/\*.*/, '')) && file.endsWith('.test.js')), path)
})

test('the README is short', () => {
  const lines = readDocument('README.md').trimEnd().split('\n').length
  assert.ok(lines <= 150, `${lines} lines`)
})
