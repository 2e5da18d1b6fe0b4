import { join } from 'node:path'
import { contentsPath, readContents } from '../query/contents.ts'
import { keptModels, ledgerProblems } from '../query/ledger.ts'

/** Something kept that no run can use; `path` is below the state. */
export interface CacheProblem {
  path: string
  what: string
}

/** What is wrong with what periodic keeps and can make anew. `quick` does not read what is kept of models. */
export async function surveyCaches(state: string, { quick }: { quick: boolean }): Promise<CacheProblem[]> {
  const found: CacheProblem[] = []
  const { problem } = await readContents(state)
  if (problem !== undefined) found.push({ path: contentsPath(''), what: problem })
  for (const model of await keptModels(join(state, 'contributions'))) {
    const path = join('contributions', model)
    for (const [file, what] of await settled(() => ledgerProblems(join(state, path), { quick }))) found.push({ path: join(path, file), what })
  }
  return found
}

/** A run that ends meanwhile replaces a ledger and removes what the old one named: what is wrong is so when looked at again. */
async function settled(look: () => Promise<Map<string, string>>): Promise<Map<string, string>> {
  const first = await look()
  return first.size === 0 ? first : look()
}
