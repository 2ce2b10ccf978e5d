import { describe, expect, it } from 'vitest';
import {
  REASON_MAX_LENGTH,
  TIERS,
  TIER_DEFAULTS,
  reasonSchema,
  tenantNameSchema,
  tenantSettingsSchema,
  toReason,
  uuidSchema,
} from '../src/index.ts';

describe('tenantNameSchema', () => {
  it.each(['Alpine Private Bank', 'A', 'Söhne & Co. KG', 'Acme® Trust', "O'Brien", '山田証券', 'x'.repeat(255)])(
    'takes %s',
    (name) => {
      expect(tenantNameSchema.safeParse(name).success).toBe(true);
    },
  );

  it.each(['', ' ', ' Bank', 'Bank ', 'Bank\n', 'Ba\0nk', 'Bank 🏦', 'I ❤️ Bank', 'x'.repeat(256), '\u202Eknab', '\uD800'])(
    'refuses %j',
    (name) => {
      expect(tenantNameSchema.safeParse(name).success).toBe(false);
    },
  );
});

describe('uuidSchema', () => {
  it('takes lower case only, so that ids can be compared as text', () => {
    const id = '018f3c2a-7b1d-5001-9c4e-2f6a8b0d0007';
    expect(uuidSchema.safeParse(id).success).toBe(true);
    expect(uuidSchema.safeParse(id.toUpperCase()).success).toBe(false);
  });
});

describe('toReason', () => {
  it.each(['', ' \n', 'a\0b', 'x'.repeat(10_000), '😀'.repeat(5000), 'plain'])('makes any text fit the schema', (text) => {
    const fit = toReason(text);
    expect(reasonSchema.safeParse(fit).success).toBe(true);
    expect(fit.length).toBeLessThanOrEqual(REASON_MAX_LENGTH);
    expect(fit.isWellFormed()).toBe(true);
  });
});

describe('TIER_DEFAULTS', () => {
  it.each(TIERS)('of %s are settings a message may carry, with min ≤ max', (tier) => {
    const settings = tenantSettingsSchema.parse(TIER_DEFAULTS[tier]);
    expect(settings.min_connections).toBeLessThanOrEqual(settings.max_connections);
  });
});
