/** Something to do after what it needs, which is named before it. */
export interface Task<T> {
  name: string
  needs: readonly string[]
  task: T
}

/**
 * Does the tasks, as many at a time as there are lanes, each with a lane to itself. Gives what they came to, in their order.
 * When one throws, no other is begun, and that error is thrown as soon as those under way have ended.
 */
export async function takeTurns<T, L, R>(tasks: readonly Task<T>[], lanes: readonly L[], act: (task: T, lane: L) => Promise<R>): Promise<R[]> {
  const free = [...lanes]
  const waiting: ((lane: L) => void)[] = []
  const ends = new Map<string, Promise<unknown>>()
  let broken = false

  async function once({ needs, task }: Task<T>): Promise<R[]> {
    await Promise.all(needs.map((need) => ends.get(need)))
    const lane = free.shift() ?? (await new Promise<L>((resolve) => waiting.push(resolve)))
    try {
      return broken ? [] : [await act(task, lane)]
    } catch (error) {
      broken = true
      throw error
    } finally {
      const next = waiting.shift()
      if (next) next(lane)
      else free.push(lane)
    }
  }

  const results = tasks.map((task) => {
    const result = once(task)
    ends.set(task.name, result.catch(() => undefined))
    return result
  })
  const settled = await Promise.allSettled(results)
  return settled.flatMap((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
