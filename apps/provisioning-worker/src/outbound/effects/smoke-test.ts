import type { KeyRing } from '@ultracore/credentials';
import { homeNames, smokeTest, TenantDatabaseError, verifyDatabase } from '@ultracore/tenant-database';
import { openPasswords } from '../passwords.ts';
import { asTenant, type LoginKind } from '../tenant-login.ts';
import type { Effect, EffectContext } from './effect.ts';

/**
 * Enters the home as its tenant through both logins, with the passwords as they are sealed: each is the tenant, reads its
 * tables, and writes them exactly if it may. An enterprise home's hardening is read back as well.
 */
export function createSmokeTest({ keyRing }: { keyRing: KeyRing }): Effect {
  return async (context) => {
    const { home, work } = context;
    if (work.sealed === null) throw new TypeError('A login is tested before its credential is fixed.');
    const { readWrite, readOnly } = openPasswords(keyRing, home.tenantId, work.sealed);
    await Promise.all([
      enter(context, 'read-write', readWrite),
      enter(context, 'read-only', readOnly),
      home.tier === 'enterprise' ? assertHardened(context) : undefined,
    ]);
    return { outcome: {} };
  };
}

async function enter({ server, home }: EffectContext, kind: LoginKind, password: string): Promise<void> {
  const end = await asTenant(server, home, { kind, password }, (connection) => smokeTest(connection, home, kind));
  if (end === 'refused') throw new TenantDatabaseError('smoke_failed', `The ${kind} login of ${home.tenantId} is refused.`);
}

async function assertHardened({ home, sessions }: EffectContext): Promise<void> {
  const { database } = homeNames(home.tenantId, home.tier);
  const findings = await verifyDatabase(await sessions.get(database), { shared: false });
  if (findings.length === 0) return;
  const list = findings.map(({ code, detail }) => `${code} (${detail})`).join('; ');
  throw new TenantDatabaseError('smoke_failed', `Database ${database} is not hardened: ${list}`);
}
