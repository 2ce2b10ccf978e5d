import { ProblemError } from '@ultracore/service';
import type { Field } from '@ultracore/tenant-pool';
import { mostBytesOfArray, writeArray } from './arrays.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import { Form, typeFormOf, type TypeForm } from './types.ts';
import { copy, escapesIn, mostBytesOf, writeValue } from './values.ts';

export interface RowEncoderOptions {
  /** `{"id":1}` or `[1]`. */
  readonly rowMode: 'object' | 'array';
}

export interface RowEncoder {
  /** Appends one row as JSON: the body of its DataRow message is at `[start, end)` of `buffer`. */
  encode(out: ByteBuffer, buffer: Buffer, start: number, end: number): void;
  /** Most bytes that the row takes: exact for long texts, a little more than that for lists. */
  mostBytes(buffer: Buffer, start: number, end: number): number;
}

/** What one column contributes to each row. */
interface Column {
  /** What stands before its value: bracket or comma, and the name. */
  readonly lead: Buffer;
  readonly type: TypeForm;
}

const NULL = Buffer.from('null');
/** Rows up to this length get room for the worst they can become, once; of longer ones each value gets its own. */
export const SMALL_ROW = 8 * 1024;

const encoders = { object: new WeakMap<readonly Field[], RowEncoder>(), array: new WeakMap<readonly Field[], RowEncoder>() };
const metadata = new WeakMap<readonly Field[], Buffer>();

/**
 * Encodes rows of these columns; kept by the identity of `fields`, which a connection keeps for a prepared statement.
 * @throws ProblemError `duplicate_column` for objects when two columns have the same name.
 */
export function createRowEncoder(fields: readonly Field[], { rowMode }: RowEncoderOptions): RowEncoder {
  const known = encoders[rowMode].get(fields);
  if (known !== undefined) return known;
  const encoder = rowMode === 'object' ? objectEncoder(fields) : arrayEncoder(fields);
  encoders[rowMode].set(fields, encoder);
  return encoder;
}

/** `[{"name":"id","type":"int8","type_oid":20}]` as bytes; kept as encoders are. */
export function columnsMetadata(fields: readonly Field[]): Buffer {
  const known = metadata.get(fields);
  if (known !== undefined) return known;
  const columns = fields.map(({ name, typeOid }) => ({ name, type: typeFormOf(typeOid).name, type_oid: typeOid }));
  const bytes = Buffer.from(JSON.stringify(columns));
  metadata.set(fields, bytes);
  return bytes;
}

function objectEncoder(fields: readonly Field[]): RowEncoder {
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name)) throw duplicateColumn(name);
    seen.add(name);
  }
  const columns = fields.map(({ name, typeOid }, index) => column(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`, typeOid));
  return new ColumnsEncoder(columns, '{', '}');
}

function arrayEncoder(fields: readonly Field[]): RowEncoder {
  const columns = fields.map(({ typeOid }, index) => column(index === 0 ? '[' : ',', typeOid));
  return new ColumnsEncoder(columns, '[', ']');
}

const column = (lead: string, typeOid: number): Column => ({ lead: Buffer.from(lead), type: typeFormOf(typeOid) });

const duplicateColumn = (name: string): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'duplicate_column',
    detail: `Two columns are named ${JSON.stringify(name)}: give one of them an alias, or ask for row_mode "array".`,
  });

class ColumnsEncoder implements RowEncoder {
  readonly #columns: readonly Column[];
  readonly #open: number;
  readonly #close: number;
  /** Most bytes of all that is no value. */
  readonly #frame: number;

  constructor(columns: readonly Column[], open: string, close: string) {
    this.#columns = columns;
    this.#open = open.charCodeAt(0);
    this.#close = close.charCodeAt(0);
    this.#frame = columns.reduce((sum, { lead }) => sum + lead.length + mostBytesOf(0), 2);
  }

  encode(out: ByteBuffer, buffer: Buffer, start: number, end: number): void {
    const columns = this.#columns;
    const small = end - start <= SMALL_ROW;
    let memory = out.room(small ? this.#frame + mostBytesOf(end - start) : this.#frame);
    let at = out.length;
    // A row may have no columns at all.
    if (columns.length === 0) memory[at++] = this.#open;
    let next = start + 2;
    for (let index = 0; index < columns.length; index++) {
      const { lead, type } = columns[index] ?? NO_COLUMN;
      const length = readInt32(buffer, next);
      next += 4;
      if (!small && length > 0) {
        out.length = at;
        memory = out.room(this.#frame + mostBytesOfValue(type, buffer, next, next + length));
      }
      at = copy(memory, at, lead, 0, lead.length);
      if (length < 0) {
        at = copy(memory, at, NULL, 0, NULL.length);
        continue;
      }
      at = writeColumn(type, memory, at, buffer, next, next + length);
      next += length;
    }
    memory[at++] = this.#close;
    out.length = at;
  }

  mostBytes(buffer: Buffer, start: number, end: number): number {
    if (end - start <= SMALL_ROW) return this.#frame + mostBytesOf(end - start);
    let most = this.#frame;
    let next = start + 2;
    for (const { type } of this.#columns) {
      const length = readInt32(buffer, next);
      next += 4;
      if (length <= 0) continue;
      most += mostBytesOfValue(type, buffer, next, next + length);
      next += length;
    }
    return most;
  }
}

const NO_COLUMN: Column = { lead: Buffer.alloc(0), type: typeFormOf(0) };

function writeColumn(
  { form, element, delimiter }: TypeForm,
  out: Buffer,
  at: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  if (form === Form.array) return writeArray(element, delimiter, out, at, source, start, end);
  return writeValue(form, out, at, source, start, end);
}

/** Exact where guessing would take several times the memory of a long value. */
function mostBytesOfValue(type: TypeForm, source: Buffer, start: number, end: number): number {
  const length = end - start;
  if (type.form === Form.array) return mostBytesOfArray(type, source, start, end);
  if (type.form === Form.text || type.form === Form.bytea) return length + escapesIn(source, start, end) + 3;
  return length + 8;
}

function readInt32(buffer: Buffer, at: number): number {
  return ((buffer[at] ?? 0) << 24) | ((buffer[at + 1] ?? 0) << 16) | ((buffer[at + 2] ?? 0) << 8) | (buffer[at + 3] ?? 0);
}
