import { randomUUID } from 'node:crypto';
import { CredentialError, type CredentialErrorCode } from '@ultracore/credentials';
import { createLogger } from '@ultracore/service';
import { waitFor } from '@ultracore/testkit';
import { describe, expect, test } from 'vitest';
import { createTenantDirectory } from '../../src/directory/directory.ts';
import { directoryRow } from '../support/directory-row.ts';

function rig({ holds = true, code = 'wrong_master_password' }: { holds?: boolean; code?: CredentialErrorCode } = {}) {
  const calls: string[] = [];
  const passwords: number[] = [];
  const state = { holds, without: '' };
  const directory = createTenantDirectory({
    gateways: 1,
    logger: createLogger({ name: 'test', level: 'silent' }),
    register: ({ tenantId, maxConnections, readwrite }) => {
      calls.push(`register ${tenantId} ${maxConnections}`);
      passwords.push(readwrite.passwords.length);
    },
    remove: (tenantId, reason) => void calls.push(`remove ${tenantId}: ${reason}`),
    changed: (before, now) => void calls.push(`bounds ${[...before.bounds].join()} -> ${[...now.bounds].join()}`),
    keyRing: {
      open: () => 'password',
      assertHolds(sealed) {
        if (!state.holds || sealed === state.without) throw new CredentialError(code, 'not the one it was sealed with');
      },
    },
  });
  return { directory, calls, passwords, state };
}

const ID = 'enterprise-001';
/** Another credential than the one of the fixture. */
const turned = () => {
  const { credential } = directoryRow();
  return credential && { ...credential, request_id: randomUUID() };
};

describe('the copy of the directory', () => {
  test('has an active tenant in the pools, and every change of it', () => {
    const { directory, calls } = rig();
    directory.onRow(directoryRow({ grants: [] }));
    directory.onRow(directoryRow({ grants: [], max_connections: 7 }));
    expect(calls).toEqual([`register ${ID} 50`, `register ${ID} 7`]);
    expect(directory.find(ID)?.status).toBe('active');
    expect(directory.size()).toBe(1);
  });

  test.each(['suspended', 'terminated', 'purged', 'provisioning', 'failed'] as const)(
    'takes a tenant that is %s out of the pools',
    (status) => {
      const { directory, calls } = rig();
      directory.onRow(directoryRow());
      directory.onRow(directoryRow({ status }));
      expect(calls).toEqual([`register ${ID} 50`, `remove ${ID}: the tenant is ${status}`]);
      expect(directory.find(ID)?.status).toBe(status);
    },
  );

  test('relies on nothing it knew of a tenant whose row cannot be read, until one can', () => {
    const { directory, calls } = rig();
    directory.onRow(directoryRow({ grants: [] }));
    directory.onUnreadable(ID);
    expect(directory.find(ID)?.status).toBe('unreadable');
    directory.onRow(directoryRow({ grants: [] }));
    expect(directory.find(ID)?.status).toBe('active');
    expect(calls.map((call) => call.split(' ', 1)[0])).toEqual(['register', 'remove', 'register']);
  });

  test('refuses a tenant whose new credential is sealed with a key that is not known', () => {
    const { directory, calls, state } = rig();
    directory.onRow(directoryRow());
    state.holds = false;
    directory.onRow(directoryRow({ revision: 7, credential: turned(), next_credential: null }));
    expect(directory.find(ID)?.status).toBe('unreadable');
    expect(calls.at(-1)).toBe(`remove ${ID}: its credential cannot be opened`);
  });

  test('goes on without a next credential that is sealed with a key that is not known', () => {
    const { directory, passwords, state } = rig();
    const next = turned();
    state.without = 'sealed with another key';
    const row = directoryRow({ next_credential: next && { ...next, db_password_encrypted: state.without } });
    directory.onRow(row);
    expect(directory.find(ID)?.status).toBe('active');
    expect(passwords).toEqual([1]);
    directory.follow({ caughtUp: () => true, stale: () => false });
    expect([directory.fault(), directory.wrongKeys()]).toEqual([undefined, undefined]);
    state.without = '';
    directory.onRow(row);
    expect(passwords).toEqual([1, 2]);
  });

  test('goes on with the text it knows where the same credential is sealed with a key that is not known', () => {
    const { directory, calls, state } = rig();
    directory.onRow(directoryRow());
    state.holds = false;
    // While all is read that was there at the start, an earlier row is the past.
    directory.onRow(directoryRow({ revision: 6 }));
    expect(directory.find(ID)?.status).toBe('unreadable');
    state.holds = true;
    directory.onRow(directoryRow());
    directory.follow({ caughtUp: () => true, stale: () => false });
    state.holds = false;
    directory.onRow(directoryRow({ revision: 7, max_connections: 9 }));
    expect(directory.find(ID)?.status).toBe('active');
    expect(calls).toContain(`register ${ID} 9`);
  });
});

test('what users of a tenant may do is looked at again when it may have changed', () => {
  const { directory, calls } = rig();
  directory.onRow(directoryRow({ grants: [] }));
  directory.onRow(directoryRow({ grants: [{ user_id: 'ann', role: 'analyst' }] }));
  directory.onRow(directoryRow({ grants: [], revoked_user_ids: ['ann'] }));
  expect(calls.filter((call) => call.startsWith('bounds'))).toEqual([
    'bounds  -> ann,analyst',
    'bounds ann,analyst -> ann,revoked',
  ]);
});

describe('what is wrong', () => {
  test('is that credentials which were there at the start do not open, until they do; and when none does, that is for good', () => {
    const { directory, state } = rig({ holds: false });
    directory.onRow(directoryRow());
    expect(directory.wrongKeys()).toBeUndefined();
    directory.follow({ caughtUp: () => true, stale: () => false });
    expect(directory.fault()).toBe('1 stored credential cannot be opened: not the one it was sealed with');
    expect(directory.wrongKeys()).toMatch(/^1 stored credential cannot be opened: .* Set ULTRACORE_MASTER_PASSWORD/);
    state.holds = true;
    directory.onRow(directoryRow({ tenant_id: 'another' }));
    expect(directory.wrongKeys()).toBeUndefined();
    expect(directory.fault()).toMatch(/^1 stored/);
    directory.onRow(directoryRow());
    expect(directory.fault()).toBeUndefined();
    // Later it is one tenant's trouble.
    state.holds = false;
    directory.onRow(directoryRow({ tenant_id: 'third' }));
    expect(directory.fault()).toBeUndefined();
  });

  test('is not that a tenant’s credential is damaged', () => {
    const { directory } = rig({ holds: false, code: 'malformed' });
    directory.onRow(directoryRow());
    directory.follow({ caughtUp: () => true, stale: () => false });
    expect([directory.find(ID)?.status, directory.fault(), directory.wrongKeys()]).toEqual(['unreadable', undefined, undefined]);
  });

  test('is that the copy is not complete yet, or may be behind', async () => {
    const { directory } = rig();
    const reader = { isCaughtUp: false, isStale: true };
    expect(directory.currentness()).toBe('starting');
    directory.follow({ caughtUp: () => reader.isCaughtUp, stale: () => reader.isStale });
    expect(directory.fault()).toMatch(/not been read yet/);
    reader.isCaughtUp = true;
    await waitFor(() => directory.currentness() === 'stale', { what: 'it to be looked at again' });
    expect(directory.fault()).toMatch(/no beat/);
    reader.isStale = false;
    await waitFor(() => directory.currentness() === 'current', { what: 'it to be looked at again' });
    expect(directory.fault()).toBeUndefined();
  });
});
