/** A YAML text as a value, or where and why it is none. Lines count from 1. */
export type Yaml = { value: unknown; lineOf(path: readonly (string | number)[]): number } | { problem: string; line: number | undefined }

/** Loaded at first use: the parser takes 35 ms to load. */
export async function parseYaml(text: string): Promise<Yaml> {
  const { LineCounter, isMap, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: true, lineCounter: lines })
  const error = document.errors[0]
  // The pretty message appends the place and the text around it; its first line says what is wrong.
  if (error) return { problem: error.message.split(/ at line \d+|\n/, 1)[0] as string, line: error.linePos?.[0].line }
  return {
    value: document.toJS() as unknown,
    /** Of the key that a path ends in, or of the nearest value around what is missing. */
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const around = document.getIn(path.slice(0, length - 1), true)
        const key = isMap(around) ? around.items.find((item) => String(item.key) === String(path[length - 1]))?.key : document.getIn(path.slice(0, length), true)
        const range = (key as { range?: [number, number, number] } | undefined)?.range
        if (range) return lines.linePos(range[0]).line
      }
      return 1
    },
  }
}
