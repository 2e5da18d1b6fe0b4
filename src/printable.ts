/**
 * What a terminal may take for something else than a letter: control characters (ESC, line breaks), format characters (those that turn the
 * direction of what follows), separators of lines, halves of surrogate pairs, and what stands for nothing. Not the joiners inside of words
 * and emoji.
 */
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu

/** The text of a stranger as it may be shown: in one line, with an escape such as `\u001b` for each character that a terminal may act upon. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) as number
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The same of a text of our own that has several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
