import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { configText } from '../commands/config.ts'
import { SLUICE } from '../commands/sluice.ts'
import { EXIT, Failure } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import { packageRoot } from '../package.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

/** What init writes: nothing of it may be there already. */
const WRITTEN = ['queries', 'sluice.yaml', 'README.md']

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.init,
    async (_, [directory = '.']) => {
      const there = WRITTEN.filter((name) => existsSync(join(directory, name)))
      if (there.length > 0) {
        throw new Failure(`expected a directory without ${WRITTEN.join(', ')}, got ${there.join(', ')} in ${resolve(directory)}; choose another directory`, EXIT.usage)
      }
      if (existsSync(directory) && !statSync(directory).isDirectory()) throw new Failure(`expected a directory, got the file ${directory}`, EXIT.usage)
      const root = packageRoot()
      const files = (await readdir(join(root, 'queries'), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
      // As texts: the copies are this user's to change, though an installed package may be read-only.
      for (const file of files) await write(join(directory, 'queries', file.slice(join(root, 'queries').length + 1)), await readFile(file))
      await write(join(directory, 'sluice.yaml'), configText())
      await write(join(directory, 'README.md'), readme(prefix(root)))
      print(`${join(directory, 'queries')}: ${files.length} files\n${join(directory, 'sluice.yaml')}\n${join(directory, 'README.md')}: what to run next\n`)
    },
    argv,
  )
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content, { flag: 'wx' })
  } catch (error) {
    throw diskFailure('write', path, error)
  }
}

/** What is to be typed before the name of an executable: those of an installed package are on PATH, those of a clone are not. */
function prefix(root: string): string {
  return existsSync(join(root, 'package-lock.json')) ? `${root.replace(/[^\w./-]/g, '\\$&')}/` : ''
}

function readme(prefix: string): string {
  return `# A lake of events

Run in this directory:

\`\`\`sh
${prefix}bluesky | ${prefix}handle-stream
${prefix}periodic
${prefix}sluice status
\`\`\`

The first reads the live stream of Bluesky into \`lake/\` until Ctrl-C; \`bluesky --simulate --for 30s\` needs no network.
The second runs the models of \`queries/\` over it and writes \`metrics/*.csv\`; add a file to \`queries/metrics/\` for a
metric of your own. The third shows what there is. All can run at the same time. Each has \`--help\`.

\`sluice.yaml\` has every option, commented. \`lake/\`, \`metrics/\` and \`.sluice/\`, the private state, are made when needed.
`
}
