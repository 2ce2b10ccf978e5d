import { PostgresError } from './errors.ts';

/** Postgres cuts longer names short without an error, so two names could become one. */
const MAX_IDENTIFIER_BYTES = 63;

/** A name as it is, quoted. Throws `bad_identifier` for what Postgres could not keep whole: empty, NUL, more than 63 bytes. */
export function quoteIdent(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > MAX_IDENTIFIER_BYTES) {
    throw new PostgresError(
      'bad_identifier',
      `${JSON.stringify(name)} cannot be a Postgres name: it must have 1 to ${MAX_IDENTIFIER_BYTES} bytes and no NUL.`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as a literal that means the same whatever `standard_conforming_strings` is. Only for statements that take no parameters. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new PostgresError('bad_literal', 'A Postgres text cannot hold a NUL character.');
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}
