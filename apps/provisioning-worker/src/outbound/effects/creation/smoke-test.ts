import type { KeyRing } from '@ultracore/credentials';
import { homeNames, TenantDatabaseError, verifyDatabase } from '@ultracore/tenant-database';
import { openPasswords } from '../../passwords.ts';
import type { Effect, EffectContext } from '../effect.ts';
import { enterHome } from '../enter-home.ts';

/**
 * Enters the home as its tenant through both logins, with the passwords as they are sealed. An enterprise home's hardening is
 * read back as well.
 */
export function createSmokeTest({ keyRing }: { keyRing: KeyRing }): Effect {
  return async (context) => {
    const { home, work } = context;
    if (work.sealed === null) throw new TypeError('A login is tested before its credential is fixed.');
    await Promise.all([
      enterHome(context, openPasswords(keyRing, home.tenantId, work.sealed)),
      home.tier === 'enterprise' ? assertHardened(context) : undefined,
    ]);
    return { outcome: {} };
  };
}

async function assertHardened({ home, sessions }: EffectContext): Promise<void> {
  const { database } = homeNames(home.tenantId, home.tier);
  const findings = await verifyDatabase(await sessions.get(database), { shared: false });
  if (findings.length === 0) return;
  const list = findings.map(({ code, detail }) => `${code} (${detail})`).join('; ');
  throw new TenantDatabaseError('smoke_failed', `Database ${database} is not hardened: ${list}`);
}
