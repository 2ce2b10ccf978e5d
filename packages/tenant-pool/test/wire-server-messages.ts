/** Messages as a Postgres server writes them, for tests that play the server. */
const message = (type: string, ...parts: (Buffer | string | number)[]): Buffer => {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.isBuffer(part) ? part : int32(part))),
  );
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
};

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const fieldsOf = (type: string, severity: string, sqlstate: string, text: string): Buffer =>
  message(type, Buffer.from(`S${severity}\0V${severity}\0C${sqlstate}\0M${text}\0P3\0\0`));

export const server = {
  authentication: (request: number, body: Buffer = Buffer.alloc(0)) => message('R', request, body),
  sasl: (...mechanisms: string[]) => message('R', 10, ...mechanisms, Buffer.from([0])),
  key: (processId: number, secret: number) => message('K', processId, secret),
  status: (name: string, value: string) => message('S', name, value),
  ready: (status = 'I') => message('Z', Buffer.from(status)),
  parsed: () => message('1'),
  bound: () => message('2'),
  closed: () => message('3'),
  parameters: (...oids: number[]) => message('t', int16(oids.length), ...oids),
  columns: (...names: string[]) =>
    message(
      'T',
      int16(names.length),
      ...names.flatMap((name) => [name, Buffer.concat([int32(7), int16(1), int32(25), int16(-1), int32(-1), int16(0)])]),
    ),
  noColumns: () => message('n'),
  row: (...values: (string | null)[]) =>
    message(
      'D',
      int16(values.length),
      ...values.flatMap((value) => (value === null ? [-1] : [Buffer.byteLength(value), Buffer.from(value)])),
    ),
  done: (tag: string) => message('C', tag),
  empty: () => message('I'),
  error: (sqlstate: string, text: string, severity = 'ERROR') => fieldsOf('E', severity, sqlstate, text),
  notice: (text: string) => fieldsOf('N', 'NOTICE', '00000', text),
  notification: () => message('A', 17, 'channel', 'payload'),
  copyIn: () => message('G', Buffer.from([0, 0, 0])),
  copyOut: () => message('H', Buffer.from([0, 0, 0])),
  copyData: (text: string) => message('d', Buffer.from(text)),
  copyDone: () => message('c'),
};
