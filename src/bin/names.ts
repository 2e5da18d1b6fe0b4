/** Names separated by commas, as --select takes them. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new Error('names of models separated by commas, such as likes-per-minutes,fast-likers')
  return names
}
