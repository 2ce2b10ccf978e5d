import type { Field } from '@ultracore/tenant-pool';
import type { ByteBuffer } from '../result/byte-buffer.ts';
import { columnsMetadata, createRowEncoder, type RowEncoder } from '../result/encoder.ts';

export type RowMode = 'object' | 'array';

/** `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. */
const TAG = /^([A-Z][A-Z ]*?)(?: \d+(?= ))?(?: (\d+))?$/;

export interface CommandTag {
  readonly command: string;
  /** Rows changed; undefined for a command that does not count them. */
  readonly rows: number | undefined;
}

let lastTag = '';
let lastRead: CommandTag = { command: '', rows: undefined };

/** The same tag comes again and again. */
export function readTag(tag: string): CommandTag {
  if (tag !== lastTag) {
    lastRead = parseTag(tag);
    lastTag = tag;
  }
  return lastRead;
}

function parseTag(tag: string): CommandTag {
  const [, command = tag, rows] = TAG.exec(tag) ?? [];
  return { command, rows: rows === undefined ? undefined : Number(rows) };
}

const COMMA = 0x2c;

let lastCommand = '';
let lastEnd = ',"command":""}';

/** What stands behind the number of rows. */
function endOf(command: string): string {
  if (command !== lastCommand) {
    lastEnd = `,"command":${JSON.stringify(command)}}`;
    lastCommand = command;
  }
  return lastEnd;
}

/** Writes one result as a JSON object, row by row as they come from the wire. */
export class ResultWriter {
  rows = 0;
  readonly #out: ByteBuffer;
  readonly #mode: RowMode;
  readonly #start: number;
  #encoder: RowEncoder | undefined;

  constructor(out: ByteBuffer, mode: RowMode) {
    this.#out = out;
    this.#mode = mode;
    this.#start = out.length;
  }

  /** Throws a `ProblemError` for columns that cannot be shown in this mode. A second call begins anew: the statement is run once more. */
  columns(fields: readonly Field[]): void {
    this.rows = 0;
    this.#out.truncate(this.#start);
    this.#encoder = createRowEncoder(fields, { rowMode: this.#mode });
    this.#out.ascii('{"columns":');
    this.#out.bytes(columnsMetadata(fields));
    this.#out.ascii(',"rows":[');
  }

  row(buffer: Buffer, start: number, end: number): void {
    if (this.rows > 0) this.#out.byte(COMMA);
    this.rows += 1;
    this.#encoder?.encode(this.#out, buffer, start, end);
  }

  /** Most bytes that the row takes. */
  mostBytes(buffer: Buffer, start: number, end: number): number {
    return this.#encoder?.mostBytes(buffer, start, end) ?? 0;
  }

  complete(tag: string): void {
    const { command, rows = 0 } = readTag(tag);
    const count = this.#encoder === undefined ? rows : this.rows;
    if (this.#encoder === undefined) this.#out.ascii('{"columns":[],"rows":[');
    this.#out.ascii('],"row_count":');
    this.#out.ascii(String(count));
    this.#out.ascii(endOf(command));
  }
}
