import type { Event } from 'js-yaml'

/** A YAML text as a value, or where and why it is none. Lines count from 1. */
export type Yaml = { value: unknown; lineOf(path: readonly (string | number)[]): number } | { problem: string; line: number | undefined }

type Library = typeof import('js-yaml')

/** Loaded at first use. Loading and 15 headers take 23 ms; of `yaml` 2.9, which gives documents with positions, 90 ms. */
export async function parseYaml(text: string): Promise<Yaml> {
  const library = await import('js-yaml')
  try {
    // Its `load` refuses a text of nothing but comments.
    const [value = null, second] = library.loadAll(text)
    if (second !== undefined) return { problem: 'more than one document', line: undefined }
    let places: Place | undefined
    return { value, lineOf: (path) => lineOf(text, path, (places ??= placesIn(text, library))) }
  } catch (error) {
    if (!(error instanceof library.YAMLException)) throw error
    return { problem: error.reason, line: error.mark && error.mark.line + 1 }
  }
}

/** The line of the key that a path ends in, or of the nearest value around what is missing. */
function lineOf(text: string, path: readonly (string | number)[], places: Place): number {
  let place: Place | undefined = places
  let start = 0
  for (const step of path) {
    place = place?.below.get(String(step))
    start = place?.start ?? start
  }
  return text.slice(0, start).split('\n').length
}

/** Where in the text a key stands, or an item of a sequence, and what is in its value. */
interface Place {
  start: number
  below: Map<string, Place>
}

function placesIn(text: string, { parseEvents, getScalarValue, EVENT_ID }: Library): Place {
  const events = parseEvents(text, {})
  let next = 1

  /** Of the value that begins with the next event; `start` is where its key stands. */
  function take(start?: number): Place {
    const event = events[next++] as Event
    const below = new Map<string, Place>()
    const ended = (): boolean => events[next]?.type === EVENT_ID.POP
    switch (event.type) {
      case EVENT_ID.MAPPING:
        while (!ended()) {
          const key = events[next] as Event
          const at = take().start
          const value = take(at)
          if (key.type === EVENT_ID.SCALAR) below.set(getScalarValue(text, key), value)
        }
        next++
        return { start: start ?? event.start, below }
      case EVENT_ID.SEQUENCE:
        for (let item = 0; !ended(); item++) below.set(String(item), take())
        next++
        return { start: start ?? event.start, below }
      case EVENT_ID.SCALAR:
        return { start: start ?? event.valueStart, below }
      case EVENT_ID.ALIAS:
        return { start: start ?? event.anchorStart, below }
      default:
        throw new Error(`expected a value, got the event ${event.type}`)
    }
  }

  return take()
}
