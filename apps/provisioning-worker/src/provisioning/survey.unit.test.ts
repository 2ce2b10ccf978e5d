import { describe, expect, it } from 'vitest';
import { survey, type FoundObject, type KnownRequest, type KnownTenant } from './survey.ts';

const NAMES = (tenantId: string) => ({
  database: `ultracore_${tenantId}`,
  schema: `tenant_${tenantId}`,
  role: `uc_${tenantId}`,
  readonlyRole: `uc_${tenantId}__ro`,
});
const role = (tenantId: string, requestId: string): FoundObject[] => [
  { kind: 'role', name: `uc_${tenantId}`, tenantId, requestId },
  { kind: 'role', name: `uc_${tenantId}__ro`, tenantId, requestId },
];
const tenant = (more: Partial<KnownTenant> = {}): KnownTenant => ({
  tenantId: 'acme',
  tier: 'small',
  homeRequestId: 'r1',
  hasHome: true,
  ...more,
});
const known = (request: KnownRequest) => new Map([['r1', request]]);

describe('an object is no orphan', () => {
  it('when it is of the home that the directory names', () => {
    expect(survey(role('acme', 'r1'), [tenant()], new Map(), NAMES)).toEqual({ orphans: [], missing: [] });
  });

  it.each(['open', 'undo', 'sent'] as const)('while its request is in work (%s)', (state) => {
    const result = survey(
      role('acme', 'r1'),
      [tenant({ homeRequestId: null, hasHome: false })],
      known({ state, outcome: null }),
      NAMES,
    );
    expect(result.orphans).toEqual([]);
  });
});

describe('an orphan', () => {
  const why = (found: FoundObject[], requests: ReadonlyMap<string, KnownRequest>) =>
    survey(found, [], requests, NAMES).orphans.map((orphan) => orphan.why);

  it('may be removed only when its request ended without a home', () => {
    for (const outcome of ['failed', 'cancelled', 'superseded'] as const) {
      expect(why(role('acme', 'r1'), known({ state: 'closed', outcome }))).toEqual(['left_over', 'left_over']);
    }
  });

  it('is only reported when its request is unknown, was completed, or is not named', () => {
    expect(why(role('acme', 'r1'), new Map())).toEqual(['unknown_request', 'unknown_request']);
    expect(why(role('acme', 'r1'), known({ state: 'closed', outcome: 'done' }))).toEqual(['not_the_home', 'not_the_home']);
    expect(why([{ kind: 'role', name: 'uc_x', tenantId: undefined, requestId: undefined }], new Map())).toEqual(['no_comment']);
  });
});

describe('a part of a home is missing', () => {
  it.each([
    ['enterprise', ['ultracore_acme', 'uc_acme', 'uc_acme__ro']],
    ['standard', ['tenant_acme', 'uc_acme', 'uc_acme__ro']],
    ['small', ['uc_acme', 'uc_acme__ro']],
  ] as const)('when none of it is there (%s)', (tier, names) => {
    expect(survey([], [tenant({ tier })], new Map(), NAMES).missing.map(({ name }) => name)).toEqual(names);
  });

  it('when what is there is another request’s', () => {
    expect(survey(role('acme', 'r0'), [tenant()], new Map(), NAMES).missing).toHaveLength(2);
  });

  it('never for a tenant that is to have none', () => {
    expect(survey([], [tenant({ hasHome: false })], new Map(), NAMES).missing).toEqual([]);
  });
});
