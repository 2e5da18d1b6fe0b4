// Called by set-up.mjs and by `npm run build`. Plain JavaScript: this runs where nothing but TypeScript's output is there yet.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/**
 * Packs each executable, with all that it imports, into one file: Node finds it at once instead of 300 of them, and starts `periodic --help`
 * in 0.65 of the time. A process that runs for weeks has all of its code, and goes on when this checkout is compiled anew under it.
 *
 * Argument: the directory of the compiled executables.
 */
const [compiled] = process.argv.slice(2)
const root = fileURLToPath(new URL('../../', import.meta.url))
const fresh = join(root, `dist.${process.pid}`)
const target = join(root, 'dist', 'packed')
const { bin, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

for (const name of Object.keys(bin)) {
  // An installed package depends on what cannot be packed: binaries, and what is not a module.
  const bundle = await rolldown({ input: join(compiled, `${name}.js`), platform: 'node', external: Object.keys(dependencies) })
  // As deep as where it comes from: package.json is found from there.
  await bundle.write({ file: join(fresh, 'packed', 'bin', `${name}.js`), format: 'esm', codeSplitting: false })
  await bundle.close()
}
mkdirSync(join(root, 'dist'), { recursive: true })
// A process that starts meanwhile must see all of the old files or all of the new ones.
if (existsSync(target)) renameSync(target, join(fresh, 'old'))
renameSync(join(fresh, 'packed'), target)
writeFileSync(join(root, 'dist', 'built'), '')
rmSync(fresh, { recursive: true })
