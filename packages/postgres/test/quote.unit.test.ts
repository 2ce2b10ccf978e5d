import { describe, expect, it } from 'vitest';
import { PostgresError, quoteIdent, quoteLiteral } from '../src/index.ts';

describe('quoteIdent', () => {
  it('keeps a quote inside the name', () => {
    expect(quoteIdent('a"; drop table b; --')).toBe('"a""; drop table b; --"');
  });

  it.each([
    ['an empty name', ''],
    ['a NUL', 'a\0b'],
    ['a name that Postgres would cut short', 'é'.repeat(32)],
  ])('refuses %s', (_title, name) => {
    expect(() => quoteIdent(name)).toThrow(expect.objectContaining({ name: 'PostgresError', code: 'bad_identifier' }));
  });

  it('takes the longest name that Postgres keeps', () => {
    expect(quoteIdent('a'.repeat(63))).toHaveLength(65);
  });
});

describe('quoteLiteral', () => {
  it('keeps a quote inside the text', () => {
    expect(quoteLiteral("x'; drop table b; --")).toBe("'x''; drop table b; --'");
  });

  it('does not let a backslash end the text, whatever standard_conforming_strings is', () => {
    expect(quoteLiteral("\\'")).toBe(" E'\\\\'''");
  });

  it('refuses a NUL', () => {
    expect(() => quoteLiteral('\0')).toThrow(PostgresError);
  });
});
