/**
 * The footer of a Parquet file as a tree, and back: Thrift's compact protocol, without a schema.
 * Encoding what was decoded gives the same bytes, so a part can be changed without knowing the rest.
 */

/** Struct: fields by id, in order. List: its items and their type. I64 is a bigint, all text and binary a Buffer. */
export type Thrift = boolean | number | bigint | Buffer | List | Struct

export interface List {
  of: number
  items: Thrift[]
}

export type Struct = Map<number, Field>

export interface Field {
  type: number
  value: Thrift
}

/** Types on the wire. A boolean field is one of the first two, and has no bytes of its own. */
export const TYPE = { true: 1, false: 2, i8: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, set: 10, struct: 12 } as const

/** Field ids of parquet.thrift, as far as we use them. */
export const FILE = { schema: 2, rows: 3, rowGroups: 4, keyValues: 5, createdBy: 6 } as const
export const KEY_VALUE = { key: 1, value: 2 } as const
export const ELEMENT = { type: 1, repetition: 3, name: 4, children: 5, converted: 6, logical: 10 } as const
export const ROW_GROUP = { columns: 1, rows: 3 } as const
export const CHUNK = { fileOffset: 2, column: 3 } as const
export const COLUMN = { type: 1, path: 3, compressed: 7, dataPage: 9, dictionaryPage: 11, statistics: 12 } as const
export const STATISTICS = { max: 5, min: 6 } as const

const MAGIC = Buffer.from('PAR1')

/** Bytes behind the footer: its length and the magic. */
const TRAILER = 8

/** Where the footer begins in a file of which `end` holds the last bytes, counted from the file's end; undefined where it is no Parquet file. */
export function footerLength(end: Buffer): number | undefined {
  if (end.length < TRAILER || !end.subarray(-4).equals(MAGIC)) return undefined
  return end.readUInt32LE(end.length - TRAILER) + TRAILER
}

/** FileMetaData of the file that these bytes are the end of: all of it or any part that holds the footer. */
export function readFooter(end: Buffer): Struct {
  const length = footerLength(end)
  if (length === undefined || length > end.length) throw new Error(`expected a Parquet file, got ${end.length} bytes that end with no footer`)
  return decode(end.subarray(end.length - length, end.length - TRAILER))
}

/** What a file ends with: FileMetaData, its length, the magic. */
export function writeFooter(metadata: Struct): Buffer {
  const bytes = encode(metadata)
  const trailer = Buffer.alloc(TRAILER)
  trailer.writeUInt32LE(bytes.length)
  MAGIC.copy(trailer, 4)
  return Buffer.concat([bytes, trailer])
}

export const i32 = (value: number): Field => ({ type: TYPE.i32, value })
export const i64 = (value: bigint): Field => ({ type: TYPE.i64, value })
export const boolean = (value: boolean): Field => ({ type: value ? TYPE.true : TYPE.false, value })
export const binary = (value: string | Buffer): Field => ({ type: TYPE.binary, value: Buffer.from(value as Buffer) })
export const structField = (value: Struct): Field => ({ type: TYPE.struct, value })
export const listField = (of: number, items: Thrift[]): Field => ({ type: TYPE.list, value: { of, items } })

/** A struct from its fields by id, in ascending order; undefined ones are left out. */
export function struct(fields: Record<number, Field | undefined>): Struct {
  return new Map(Object.entries(fields).flatMap(([id, field]) => (field ? [[Number(id), field] as const] : [])))
}

export function structAt(parent: Struct, id: number): Struct {
  const value = parent.get(id)?.value
  if (!(value instanceof Map)) throw new Error(`expected a struct as field ${id} of a Parquet footer`)
  return value
}

export function structsAt(parent: Struct, id: number): Struct[] {
  const value = parent.get(id)?.value
  if (typeof value !== 'object' || !('items' in value) || value.of !== TYPE.struct) throw new Error(`expected structs as field ${id} of a Parquet footer`)
  return value.items as Struct[]
}

export function decode(bytes: Buffer): Struct {
  let at = 0
  const result = readStruct()
  if (at !== bytes.length) throw new Error(`expected a Parquet footer of ${at} bytes, got ${bytes.length}`)
  return result

  function byte(): number {
    const value = bytes[at++]
    if (value === undefined) throw new Error('a Parquet footer ends too early')
    return value
  }

  function varint(): bigint {
    let low = 0
    let scale = 1
    for (; scale < 2 ** 42; scale *= 128) {
      const next = byte()
      low += (next & 127) * scale
      if (next < 128) return BigInt(low)
    }
    let value = BigInt(low)
    for (let shift = 42n; ; shift += 7n) {
      const next = byte()
      value |= BigInt(next & 127) << shift
      if (next < 128) return value
    }
  }

  function zigzag(): bigint {
    const value = varint()
    return value & 1n ? -((value + 1n) >> 1n) : value >> 1n
  }

  function take(length: number): Buffer {
    if (at + length > bytes.length) throw new Error('a Parquet footer ends too early')
    at += length
    return bytes.subarray(at - length, at)
  }

  function readStruct(): Struct {
    const fields: Struct = new Map()
    let id = 0
    for (let head = byte(); head !== 0; head = byte()) {
      const type = head & 15
      id = head >> 4 === 0 ? Number(zigzag()) : id + (head >> 4)
      fields.set(id, { type, value: type === TYPE.true || type === TYPE.false ? type === TYPE.true : read(type) })
    }
    return fields
  }

  function read(type: number): Thrift {
    switch (type) {
      case TYPE.true:
      case TYPE.false:
        // In a list, booleans are bytes.
        return byte()
      case TYPE.i8:
        return (byte() << 24) >> 24
      case TYPE.i16:
      case TYPE.i32:
        return Number(zigzag())
      case TYPE.i64:
        return zigzag()
      case TYPE.double:
        return take(8)
      case TYPE.binary:
        return take(Number(varint()))
      case TYPE.list:
      case TYPE.set: {
        const head = byte()
        const size = head >> 4 === 15 ? Number(varint()) : head >> 4
        return { of: head & 15, items: Array.from({ length: size }, () => read(head & 15)) }
      }
      case TYPE.struct:
        return readStruct()
      default:
        throw new Error(`unexpected Thrift type ${type} in a Parquet footer`)
    }
  }
}

export function encode(metadata: Struct): Buffer {
  const parts: Buffer[] = []
  let small: number[] = []
  writeStruct(metadata)
  parts.push(Buffer.from(small))
  return Buffer.concat(parts)

  function varint(value: bigint): void {
    let rest = value
    for (; rest > 127n; rest >>= 7n) small.push(Number(rest & 127n) | 128)
    small.push(Number(rest))
  }

  function zigzag(value: bigint): void {
    varint(value < 0n ? -value * 2n - 1n : value * 2n)
  }

  function bytes(value: Buffer): void {
    parts.push(Buffer.from(small), value)
    small = []
  }

  function writeStruct(fields: Struct): void {
    let last = 0
    for (const [id, { type, value }] of fields) {
      const delta = id - last
      if (delta > 0 && delta < 16) small.push((delta << 4) | type)
      else {
        small.push(type)
        zigzag(BigInt(id))
      }
      last = id
      if (type !== TYPE.true && type !== TYPE.false) write(type, value)
    }
    small.push(0)
  }

  function write(type: number, value: Thrift): void {
    switch (type) {
      case TYPE.true:
      case TYPE.false:
      case TYPE.i8:
        return void small.push((value as number) & 255)
      case TYPE.i16:
      case TYPE.i32:
      case TYPE.i64:
        return zigzag(BigInt(value as number | bigint))
      case TYPE.double:
        return bytes(value as Buffer)
      case TYPE.binary:
        varint(BigInt((value as Buffer).length))
        return bytes(value as Buffer)
      case TYPE.list:
      case TYPE.set: {
        const { of, items } = value as List
        if (items.length < 15) small.push((items.length << 4) | of)
        else {
          small.push(0xf0 | of)
          varint(BigInt(items.length))
        }
        for (const item of items) write(of, item)
        return
      }
      case TYPE.struct:
        return writeStruct(value as Struct)
      default:
        throw new Error(`unexpected Thrift type ${type}`)
    }
  }
}
