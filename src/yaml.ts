/** A YAML text as a value, or where and why it is none. `line` counts from 1. */
export type Yaml = { value: unknown } | { problem: string; line: number | undefined }

/** Loaded at first use: most runs read no YAML, and the parser takes 40 ms to load. */
export async function parseYaml(text: string): Promise<Yaml> {
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { prettyErrors: true })
  const error = document.errors[0]
  // The pretty message appends the place and the text around it; its first line says what is wrong.
  if (error) return { problem: error.message.split(/ at line \d+|\n/, 1)[0] as string, line: error.linePos?.[0].line }
  return { value: document.toJS() as unknown }
}
