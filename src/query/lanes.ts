/** Something to do after what it needs, which is named before it. */
export interface Task<T> {
  name: string
  needs: readonly string[]
  task: T
}

/**
 * Does the tasks, as many at a time as there are lanes, each with a lane to itself: first those that most have to wait for, one after another.
 * Gives what they came to, in their order.
 * When one throws, no other is begun, and that error is thrown as soon as those under way have ended.
 */
export async function takeTurns<T, L, R>(tasks: readonly Task<T>[], lanes: readonly L[], act: (task: T, lane: L) => Promise<R>): Promise<R[]> {
  const free = [...lanes]
  const waiting: { rank: number; go: (lane: L) => void }[] = []
  const ranks = ranked(tasks)
  const ends = new Map<string, Promise<unknown>>()
  let broken = false

  async function once({ name, needs, task }: Task<T>): Promise<R[]> {
    await Promise.all(needs.map((need) => ends.get(need)))
    const lane = free.shift() ?? (await new Promise<L>((go) => waiting.push({ rank: ranks.get(name) as number, go })))
    try {
      return broken ? [] : [await act(task, lane)]
    } catch (error) {
      broken = true
      throw error
    } finally {
      const highest = Math.max(...waiting.map(({ rank }) => rank))
      const [chosen] = waiting.splice(waiting.findIndex(({ rank }) => rank === highest), 1)
      if (chosen) chosen.go(lane)
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

/** How many tasks wait for each at the most, one for another. */
function ranked(tasks: readonly Task<unknown>[]): Map<string, number> {
  const ranks = new Map(tasks.map(({ name }) => [name, 0]))
  for (const { name, needs } of tasks.toReversed()) {
    for (const need of needs) ranks.set(need, Math.max(ranks.get(need) ?? 0, (ranks.get(name) as number) + 1))
  }
  return ranks
}
