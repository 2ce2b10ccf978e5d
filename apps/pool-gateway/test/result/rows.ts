import type { Field } from '@ultracore/tenant-pool';

/** The body of a DataRow message. */
export function dataRow(values: readonly (string | null)[]): Buffer {
  const parts: Buffer[] = [Buffer.from([values.length >> 8, values.length & 255])];
  for (const value of values) {
    const bytes = value === null ? Buffer.alloc(0) : Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

export function fieldsOf(columns: Readonly<Record<string, number>>): Field[] {
  return Object.entries(columns).map(([name, typeOid]) => ({ name, typeOid, typeModifier: -1, tableOid: 0, column: 0 }));
}
