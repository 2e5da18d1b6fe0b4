/** At work on this many things at a time: what is fsynced together takes an eighth of the time. */
const AT_ONCE = 16

/** Does the same with each, some at a time, and gives what came of them, in order. When one fails it waits for those under way, and begins no more. */
export async function eachInTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let failed: { error: unknown } | undefined
  const queue = all.entries()
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, all.length) }, async () => {
      for (const [at, one] of queue) {
        if (failed) return
        try {
          results[at] = await work(one)
        } catch (error) {
          failed ??= { error }
        }
      }
    }),
  )
  if (failed) throw failed.error
  return results
}
