// For the scripts of package.json: installs the packages that are missing, so that each script works in a fresh clone.
import { install } from './set-up.mjs'

await install('sluice').catch((error) => {
  process.stderr.write(`sluice: ${error.message}\n`)
  process.exitCode = 69
})
