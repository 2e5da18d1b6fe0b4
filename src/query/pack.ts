import { join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { exactly, quote } from '../duckdb.ts'
import type { Part } from '../lake/snapshot.ts'
import { derived, readEvents, stored } from './events.ts'

/** Many small files of the lake as one, for the time of a run: each model that is computed from them would open all of them again. */
export interface Packs {
  /** `events` of files, as SQL. `fresh` are those among them that other models are about to read too. */
  relation(session: Session, files: readonly Part[], fresh: readonly Part[]): Promise<string>
}

/** So many files of no more than this size on average: to pack them takes as long as to read them twice. */
const MANY = 100
const SMALL = 256e3

/** Bytes of files that one run packs at most, since the scratch directory takes as many. */
const LIMIT = 1e9

interface Pack {
  file: string
  of: ReadonlySet<Part>
}

/** `scratch`: a directory that goes with the run. */
export function openPacks(scratch: string): Packs {
  const packs = new Map<string, Promise<Pack | undefined>>()
  let bytes = 0

  async function pack(session: Session, files: readonly Part[], file: string): Promise<Pack | undefined> {
    try {
      await session.run(`COPY (FROM ${stored(exactly(...files.map(({ path }) => path)))}) TO ${quote(file)} (FORMAT parquet)`)
      return { file, of: new Set(files) }
    } catch {
      // Whatever it is, whoever reads the files themselves finds it, and says it better.
      return undefined
    }
  }

  return {
    async relation(session, files, fresh) {
      const size = fresh.reduce((sum, part) => sum + part.bytes, 0)
      const key = fresh.map(({ path }) => path).join('\n')
      let packing = packs.get(key)
      if (!packing && fresh.length >= MANY && !fresh.some(({ record }) => record) && size <= SMALL * fresh.length && bytes + size <= LIMIT) {
        bytes += size
        packing = pack(session, fresh, join(scratch, `pack-${packs.size}.parquet`))
        packs.set(key, packing)
      }
      const packed = await packing
      if (!packed) return readEvents(files)
      const rest = files.filter((part) => !packed.of.has(part))
      const ofPack = derived(`read_parquet(${quote(packed.file)}, hive_partitioning = false)`)
      return rest.length === 0 ? ofPack : `(FROM ${ofPack} UNION ALL BY NAME FROM ${readEvents(rest)})`
    },
  }
}
