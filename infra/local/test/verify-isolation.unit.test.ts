import { describe, expect, it } from 'vitest';
import { LauncherError } from '../src/index.ts';
import { parseVerifyOptions } from '../src/isolation/options.ts';
import { faultsOf, summary } from '../src/isolation/show.ts';
import type { Verdict } from '../src/isolation/verify.ts';

describe('the options of verify-isolation', () => {
  it('are every tier and every way in unless narrowed', () => {
    expect(parseVerifyOptions([])).toMatchObject({
      tiers: ['enterprise', 'standard', 'small'],
      routes: ['direct', 'gateway'],
      pairs: {},
      json: false,
    });
    expect(parseVerifyOptions(['--tier', 'small, enterprise', '--route', 'gateway', '--json'])).toMatchObject({
      tiers: ['enterprise', 'small'],
      routes: ['gateway'],
      json: true,
    });
  });

  it('take tenants that are given for a tier', () => {
    expect(parseVerifyOptions(['--pair', 'small=acme,bank', '--pair', 'standard=a-1,b-2']).pairs).toEqual({
      small: { attacker: 'acme', victim: 'bank' },
      standard: { attacker: 'a-1', victim: 'b-2' },
    });
  });

  it.each([
    ['--tier', 'huge'],
    ['--route', 'smoke-signals'],
    ['--pair', 'small=acme'],
    ['--pair', 'small=acme,acme'],
    ['--pair', 'huge=a,b'],
    ['--unknown', 'x'],
  ])('refuse %s %s, and say what is known', (...args) => {
    expect(() => parseVerifyOptions(args)).toThrow(LauncherError);
  });
});

describe('the report of verify-isolation', () => {
  const result = {
    probe: 'a/b',
    category: 'catalogs',
    tier: 'small',
    route: 'direct',
    login: 'read-only',
    form: 'simple',
  } as const;
  const verdict: Verdict = {
    results: [
      { ...result, expected: 'refused (42501)', outcome: 'refused 42501', ms: 1, faults: [] },
      { ...result, expected: 'empty', outcome: '1 row', ms: 1, faults: ['1 row came back'] },
    ],
    damage: [{ tier: 'small', route: 'direct', login: 'read-only', category: 'catalogs', change: 'rows changed' }],
    skipped: [],
    hardening: ['not_hardened:policy: app.clients has not the policy tenant_rows as it must be.'],
  };

  it('counts attacks by tier, route and category', () => {
    expect(summary(verdict).at(-1)?.split(/ {2,}/)).toEqual(['small', 'direct', 'catalogs', '1', '2', '1', '1', '1']);
  });

  it('names every attack that got through, every change of a victim and every fault of the server', () => {
    expect(faultsOf(verdict)).toEqual([
      'a/b (small, direct, read-only, simple): 1 row came back',
      'after catalogs (small, direct, read-only): the victim’s rows changed',
      'not_hardened:policy: app.clients has not the policy tenant_rows as it must be.',
    ]);
  });
});
