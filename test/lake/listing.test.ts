import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { Dir } from 'node:fs'
import { lstatSync, mkdirSync, opendirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { codeOf } from '../../src/failure.ts'
import { canExchange, exchanger } from '../../src/lake/libc.ts'
import { exchangeUnlisted } from '../../src/lake/listing.ts'
import { workplace } from '../process.ts'

test('exchange swaps directories that are not empty, and a directory with a symlink', { skip: !(await canExchange()) }, async (t) => {
  const directory = workplace(t)
  const [a, b, link] = ['a', 'b', 'link'].map((name) => join(directory, name)) as [string, string, string]
  for (const path of [a, b]) {
    mkdirSync(path)
    writeFileSync(join(path, 'file'), path)
  }
  const exchange = await exchanger()
  exchange(a, b)
  assert.equal(readFileSync(join(a, 'file'), 'utf8'), b)
  assert.equal(readFileSync(join(b, 'file'), 'utf8'), a)

  symlinkSync('b', link)
  exchange(a, link)
  assert.ok(lstatSync(a).isSymbolicLink())
  assert.ok(lstatSync(link).isDirectory())
  assert.equal(readFileSync(join(link, 'file'), 'utf8'), b)
})

test('exchange says why it cannot', { skip: !(await canExchange()) }, async (t) => {
  const directory = workplace(t)
  writeFileSync(join(directory, 'a'), '')
  const exchange = await exchanger()
  assert.throws(() => exchange(join(directory, 'a'), join(directory, 'none')), (error) => codeOf(error) === 'ENOENT')
  assert.ok(lstatSync(join(directory, 'a')).isFile())
})

/** Holds a directory open most of the time, and says after each time whether it has become another one meanwhile. */
const LISTER = `
const { opendirSync, statSync } = require('node:fs')
const [path] = process.argv.slice(1)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let reading = true
process.stdin.resume().on('end', () => (reading = false))
void (async () => {
  while (reading) {
    const directory = opendirSync(path)
    const { ino } = statSync(path)
    await sleep(30)
    console.log(ino === statSync(path).ino ? 'same' : 'other')
    directory.closeSync()
    await sleep(15)
  }
})()
`

test('no exchange falls into the time for which a process has the directory open', { skip: process.platform !== 'linux' }, async (t) => {
  const directory = workplace(t)
  const [a, b] = [join(directory, 'a'), join(directory, 'b')]
  mkdirSync(a)
  mkdirSync(b)
  const lister = spawn(process.execPath, ['-e', LISTER, a], { stdio: ['pipe', 'pipe', 'inherit'] })
  const said: string[] = []
  const lines = createInterface(lister.stdout).on('line', (line) => said.push(line))
  await new Promise((resolve) => lines.once('line', resolve))
  const exchange = await exchanger()
  for (let n = 0; n < 12; n++) {
    const before = lstatSync(a).ino
    await exchangeUnlisted(a, { prepare: async () => {}, exchange: async () => exchange(a, b) })
    assert.notEqual(lstatSync(a).ino, before)
  }
  const closed = new Promise((resolve) => lister.on('close', resolve))
  lister.stdin.end()
  await closed
  assert.ok(said.length >= 12, `${said.length} listings`)
  assert.ok(!said.includes('other'), said.join())
})

test('what comes before an exchange is done again where somebody listed meanwhile', { skip: process.platform !== 'linux' }, async (t) => {
  const directory = workplace(t)
  const did: string[] = []
  let listing: Dir | undefined
  await exchangeUnlisted(directory, {
    async prepare() {
      did.push('prepare')
      if (listing) return
      listing = opendirSync(directory)
      setTimeout(() => {
        did.push('close')
        listing?.closeSync()
      }, 30)
    },
    exchange: async () => void did.push('exchange'),
  })
  assert.deepEqual([...new Set(did)], ['prepare', 'close', 'exchange'])
  assert.deepEqual(did.slice(-2), ['prepare', 'exchange'])
})

test('Linux and macOS can exchange', async () => {
  assert.equal(await canExchange(), process.platform === 'linux' || process.platform === 'darwin')
})
