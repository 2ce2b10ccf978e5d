import { ENCRYPTION_ALGORITHM, generatePassword, type KeyRing } from '@ultracore/credentials';
import { homeNames } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { fixCredential, type SealedCredential } from '../../store/work.ts';
import { inBookkeeping } from '../judge.ts';
import { LeaseLostError } from '../sessions.ts';
import type { Effect, EffectContext } from './effect.ts';

/**
 * Fixes the credential of a request before any role is touched. One that the directory already shows for this request, or
 * that the bookkeeping holds, is used again: a request never has two passwords.
 */
export function createSealCredential({ pool, keyRing }: { pool: Pool; keyRing: KeyRing }): Effect {
  return async (context) => {
    const { item, work, home, server, onBoundary } = context;
    const sealed = work.sealed ?? issuedBefore(context) ?? seal(context, keyRing);
    const intended = work.item.kind === 'provision' ? { tier: home.tier, host: server.host, port: server.port } : null;
    const fixed = await inBookkeeping(fixCredential(pool, item, intended, sealed));
    if (fixed === null) throw new LeaseLostError(`The lease ${item.token} is lost.`);
    onBoundary('credentials:sealed');
    return { outcome: {}, work: fixed };
  };
}

/** After the loss of the bookkeeping the registry may already have recorded this request's credential. */
function issuedBefore({ row, item }: EffectContext): SealedCredential | undefined {
  const issued = [row.next_credential, row.credential].find((each) => each?.request_id === item.requestId);
  if (!issued) return undefined;
  const { request_id: _, ...sealed } = issued;
  return sealed;
}

function seal({ home }: EffectContext, keyRing: KeyRing): SealedCredential {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  const sealFor = (login: string): string => keyRing.seal({ tenantId: home.tenantId, role: login, password: generatePassword() });
  return {
    db_username: role,
    db_password_encrypted: sealFor(role),
    readonly_db_username: readonlyRole,
    readonly_db_password_encrypted: sealFor(readonlyRole),
    encryption_algorithm: ENCRYPTION_ALGORITHM,
    key_id: keyRing.keyId,
  };
}
