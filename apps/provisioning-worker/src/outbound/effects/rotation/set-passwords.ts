import type { KeyRing } from '@ultracore/credentials';
import { ADMIN_DATABASE, openLogin, setVerifiers, SHARED_DATABASE } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { loginLimits, wantedHome } from '../../../provisioning/wanted.ts';
import { changeLogins } from '../../change-logins.ts';
import { openPasswords, verifiersOf } from '../../passwords.ts';
import type { Effect } from '../effect.ts';
import { enterHome } from '../enter-home.ts';

/**
 * Sets the verifiers of both logins in one transaction, so that never one has the new password and the other the old; then enters
 * the home with them. The logins of a tenant that is suspended meanwhile stay closed, and are not tested.
 */
export function createSetPasswords({ pool, keyRing }: { pool: Pool; keyRing: KeyRing }): Effect {
  return async (context) => {
    const { item, home, row, work, sessions, onBoundary } = context;
    if (work.sealed === null) throw new TypeError('A password is set before its credential is fixed.');
    const passwords = openPasswords(keyRing, home.tenantId, work.sealed);
    const session = await sessions.get(home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
    const isOpen = wantedHome(row)?.login === true;
    // The row may be overtaken: a tenant that was closed meanwhile must not stay open when this rotation is given up.
    await changeLogins(pool, item, () =>
      isOpen
        ? openLogin(session, home, loginLimits(row), verifiersOf(passwords))
        : setVerifiers(session, home, verifiersOf(passwords)),
    );
    onBoundary('passwords:set');
    if (isOpen) await enterHome(context, passwords);
    return { outcome: {} };
  };
}
