import type { KeyRing } from '@ultracore/credentials';
import { ADMIN_DATABASE, openLogin, SHARED_DATABASE } from '@ultracore/tenant-database';
import { loginLimits } from '../../../provisioning/wanted.ts';
import { openPasswords, verifiersOf } from '../../passwords.ts';
import type { Effect } from '../effect.ts';

/** Sets the limits and the verifiers of both logins, then LOGIN: from here on the home can be entered. */
export function createOpenLogin({ keyRing }: { keyRing: KeyRing }): Effect {
  return async ({ home, row, work, sessions }) => {
    if (work.sealed === null) throw new TypeError('A login is opened before its credential is fixed.');
    const verifiers = verifiersOf(openPasswords(keyRing, home.tenantId, work.sealed));
    const session = await sessions.get(home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
    await openLogin(session, home, loginLimits(row), verifiers);
    return { outcome: {} };
  };
}
