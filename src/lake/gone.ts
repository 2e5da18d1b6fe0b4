import { existsSync } from 'node:fs'
import { EXIT, Failure } from '../failure.ts'

/** Fails where it has been taken away. */
export function expectThere(place: { state: string; made: string }): void {
  const gone = explainGone(undefined, place)
  if (gone !== undefined) throw gone
}

/** What an error really is, where a directory of the state that was made at the start has been taken away since. */
export function explainGone(error: unknown, { state, made }: { state: string; made: string }): unknown {
  if (existsSync(made)) return error
  return new Failure(`expected ${made} to stay as long as this runs, got no such directory any more; put ${state} back, or start again, which makes a new one`, EXIT.io)
}
