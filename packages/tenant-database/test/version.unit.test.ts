import { describe, expect, it } from 'vitest';
import { tooOld } from '../src/verify/version.ts';

describe('tooOld', () => {
  it('refuses what is below 16 with one finding and takes everything from 16 on', () => {
    expect(tooOld({ number: 150_018, text: '15.18' })).toEqual({
      code: 'too_old',
      detail: 'The server is PostgreSQL 15.18; it must be 16 or later.',
    });
    expect([160_000, 160_010, 180_004].map((number) => tooOld({ number, text: '' }))).toEqual([undefined, undefined, undefined]);
  });
});
