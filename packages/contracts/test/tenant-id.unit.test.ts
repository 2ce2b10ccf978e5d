import { describe, expect, it } from 'vitest';
import { RESERVED_TENANT_IDS, TENANT_ID_PATTERN, checkTenantId, tenantIdSchema } from '../src/index.ts';

const codeOf = (id: unknown): string => {
  const check = checkTenantId(id);
  return check.ok ? 'ok' : check.code;
};

describe('checkTenantId', () => {
  it.each(['enterprise-001', 'abc', 'a'.repeat(50), 'a1-b2-c3'])('takes %s', (id) => {
    expect(checkTenantId(id)).toEqual({ ok: true });
    expect(tenantIdSchema.safeParse(id).success).toBe(true);
  });

  it.each<[unknown, string]>([
    ['', 'empty'],
    ['ab', 'too short'],
    ['a'.repeat(51), 'too long'],
    ['Abc', 'upper case'],
    ['1abc', 'a leading digit'],
    ['abc-', 'a trailing hyphen'],
    ['-abc', 'a leading hyphen'],
    ['a_b_c', 'an underscore'],
    ["a'b", 'a quote'],
    ['a"b', 'a double quote'],
    ['a\0b', 'NUL'],
    ['abc\n', 'a trailing newline'],
    ['аbc', 'a Cyrillic letter'],
    ['a b', 'a space'],
    [undefined, 'nothing'],
    [17, 'a number'],
  ])('refuses %j: %s', (id) => {
    expect(codeOf(id)).toBe('tenant_id_pattern');
    expect(tenantIdSchema.safeParse(id).success).toBe(false);
  });

  it('refuses two hyphens in a row, since __ is the mark of the platform’s own names', () => {
    expect(codeOf('a--b')).toBe('tenant_id_double_hyphen');
    expect(TENANT_ID_PATTERN.test('a--b')).toBe(false);
  });

  it.each(RESERVED_TENANT_IDS)('reserves %s, but can still read it in a message', (id) => {
    expect(codeOf(id)).toBe('tenant_id_reserved');
    expect(tenantIdSchema.safeParse(id).success).toBe(true);
  });

  it('leaves every derived name within the 63 bytes of a Postgres identifier', () => {
    const longest = 'a'.repeat(50);
    expect(checkTenantId(longest).ok).toBe(true);
    for (const name of [`ultracore_${longest}`, `tenant_${longest}`, `uc_${longest}__ro`])
      expect(name.length).toBeLessThanOrEqual(63);
  });
});
