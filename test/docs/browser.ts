import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { chromium } from '../setup/chromium.ts'

/** A file as a real browser without a network shows it. */
export interface Page {
  /** The value of an expression of JavaScript in the page. */
  ask<T>(expression: string): Promise<T>
  /** What went wrong: exceptions, errors on the console, what the page's own policy has refused. */
  errors: string[]
  /** Everything that was asked for, the page included. */
  requests: string[]
  show(look: { width: number; dark: boolean }): Promise<void>
  picture(path: string): Promise<void>
}

export interface Browser {
  open(file: string): Promise<Page>
  close(): Promise<void>
}

type Message = { id?: number; sessionId?: string; method?: string; params?: Record<string, unknown>; result?: Record<string, unknown>; error?: { message: string } }
type Call = (method: string, params?: object) => Promise<Record<string, unknown>>

/** Chromium, spoken to by its DevTools protocol: JSON messages through two pipes, each ended by a NUL. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'sluice-chromium-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND']
  const child = spawn(await chromium(), [...flags, '--remote-debugging-pipe', `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>()
  const listeners = new Map<string, (message: Message) => void>()
  let rest = ''
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0')
    rest = messages.pop() as string
    for (const one of messages) {
      const message = JSON.parse(one) as Message
      const call = waiting.get(message.id ?? -1)
      if (message.error) call?.reject(new Error(message.error.message))
      else if (call) call.resolve(message.result ?? {})
      else listeners.get(message.sessionId ?? '')?.(message)
    }
  })
  child.on('close', () => waiting.forEach(({ reject }) => reject(new Error('the browser has ended'))))
  let last = 0
  const send = (method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject })
    input.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`)
  })

  return {
    async open(file) {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
      const call: Call = (method, params = {}) => send(method, params, sessionId as string)
      return openPage(call, (on) => void listeners.set(sessionId as string, on), pathToFileURL(file).href)
    },
    async close() {
      await send('Browser.close', {}).catch(() => {})
      await ended
      rmSync(profile, { recursive: true, force: true })
    },
  }
}

async function openPage(call: Call, listen: (on: (message: Message) => void) => void, url: string): Promise<Page> {
  const errors: string[] = []
  const requests: string[] = []
  let loaded = (): void => {}
  listen(({ method, params = {} }) => {
    if (method === 'Page.loadEventFired') loaded()
    if (method === 'Network.requestWillBeSent') requests.push((params['request'] as { url: string }).url)
    if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params['exceptionDetails']))
    if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') errors.push(JSON.stringify(params['args']))
    if (method === 'Log.entryAdded' && (params['entry'] as { level: string }).level === 'error') errors.push((params['entry'] as { text: string }).text)
  })
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await call(`${domain}.enable`)
  await call('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 })
  const ready = new Promise<void>((resolve) => (loaded = resolve))
  await call('Page.navigate', { url })
  await ready
  return {
    errors,
    requests,
    async ask<T>(expression: string) {
      const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
      assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails))
      return (result as { value: T }).value
    },
    async show({ width, dark }) {
      await call('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false })
      await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] })
    },
    async picture(path) {
      const { data } = await call('Page.captureScreenshot', { captureBeyondViewport: true })
      writeFileSync(path, Buffer.from(data as string, 'base64'))
    },
  }
}
