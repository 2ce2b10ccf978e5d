import { describe, expect, it } from 'vitest';
import { decideRepair, type FoundHome, type FoundLogin } from './repair.ts';
import { createdHome, fingerprintOf, wantedHome } from './wanted.ts';
import type { WantedTenant } from './situation.ts';

const row = (more: Partial<WantedTenant> = {}): WantedTenant => ({
  tenant_id: 'acme',
  tier: 'standard',
  status: 'active',
  revision: 9,
  home_request_id: 'r1',
  max_connections: 20,
  credential: { request_id: 'r1' },
  next_credential: null,
  requests: {
    provision: { id: 'r1', outcome: 'done', attempt: 1 },
    rotate: null,
    purge: null,
    migrate: null,
    verify_replica: null,
  },
  ...more,
});
const login = (more: Partial<FoundLogin> = {}): FoundLogin => ({
  exists: true,
  ours: true,
  canLogin: true,
  connectionLimit: 25,
  settings: ['statement_timeout=30000', 'idle_in_transaction_session_timeout=30000', 'temp_file_limit=1024MB'],
  strays: [],
  ...more,
});
const found = (more: Partial<FoundHome> = {}): FoundHome => ({
  role: login(),
  readonlyRole: login(),
  database: undefined,
  schema: { exists: true, ours: true },
  ...more,
});
const SHUT = { role: login({ canLogin: false }), readonlyRole: login({ canLogin: false }) };
const wanted = (more: Partial<WantedTenant> = {}) => {
  const home = wantedHome(row(more));
  if (home === null) throw new Error('There is a home.');
  return home;
};

describe('what is wanted of a home', () => {
  it('is nothing before it is finished and after it is purged', () => {
    expect(wantedHome(row({ home_request_id: null }))).toBeNull();
    expect(wantedHome(row({ credential: null }))).toBeNull();
    expect(wantedHome(row({ status: 'purged' }))).toBeNull();
  });

  it.each(['suspended', 'terminated', 'failed', 'provisioning'] as const)('is no login while the tenant is %s', (status) => {
    expect(wanted({ status }).login).toBe(false);
  });

  it('is, right after a creation, what the creation has made', () => {
    expect(fingerprintOf(createdHome(row({ home_request_id: null }), 'r1'))).toBe(fingerprintOf(wanted()));
  });

  it('changes with everything that Postgres must be told of, and with nothing else', () => {
    const now = fingerprintOf(wanted());
    expect(fingerprintOf(wanted({ revision: 100 }))).toBe(now);
    for (const change of [
      { status: 'suspended' },
      { max_connections: 21 },
      { credential: { request_id: 'r2' } },
      { home_request_id: 'r2' },
    ] as const) {
      expect(fingerprintOf(wanted(change))).not.toBe(now);
    }
  });
});

describe('the repair of a home', () => {
  it('is nothing when all is as it should be', () => {
    expect(decideRepair(wanted(), found(), true)).toEqual({ do: 'nothing' });
    expect(decideRepair(wanted({ status: 'suspended' }), found(SHUT), true)).toEqual({ do: 'nothing' });
  });

  it('ends the sessions behind closed logins unless that is known to be done', () => {
    expect(decideRepair(wanted({ status: 'suspended' }), found(SHUT), false)).toEqual({ do: 'close', missing: [] });
  });

  it('closes a login that should be closed, even if only one of them is open', () => {
    const half = found({ role: login({ canLogin: false }) });
    expect(decideRepair(wanted({ status: 'suspended' }), half, true)).toEqual({ do: 'close', missing: [] });
  });

  it('closes what logins there are of a tenant that is to have none, whatever is missing, and reports once they are closed', () => {
    const suspended = wanted({ status: 'suspended' });
    const gone = { role: login({ exists: false, ours: false, canLogin: false }), schema: { exists: false, ours: false } };
    const missing = ['role', 'schema'];
    expect(decideRepair(suspended, found(gone), true)).toEqual({ do: 'close', missing });
    expect(decideRepair(suspended, found({ ...SHUT, ...gone }), true)).toEqual({ do: 'report', missing });
    const foreign = { role: login({ ours: false }), readonlyRole: SHUT.readonlyRole };
    expect(decideRepair(suspended, found(foreign), true)).toEqual({ do: 'report', missing: ['role'] });
  });

  it.each([
    ['role: cannot log in', { role: login({ canLogin: false }) }],
    ['role: statement_timeout=0 in its database', { role: login({ strays: ['statement_timeout=0 in its database'] }) }],
    ['readonly_role: connection limit 3', { readonlyRole: login({ connectionLimit: 3 }) }],
    [
      'role: not statement_timeout=30000',
      {
        role: login({ settings: ['statement_timeout=0', 'idle_in_transaction_session_timeout=30000', 'temp_file_limit=1024MB'] }),
      },
    ],
  ])('opens anew what is not as wanted: %s', (fault, part) => {
    expect(decideRepair(wanted(), found(part), true)).toEqual({ do: 'open', because: [fault] });
  });

  it('only reports what is gone or somebody else’s of a tenant that may log in, whatever else is wrong', () => {
    const schema = { exists: false, ours: false };
    expect(decideRepair(wanted(), found({ schema, role: login({ ours: false, canLogin: false }) }), true)).toEqual({
      do: 'report',
      missing: ['role', 'schema'],
    });
  });
});
