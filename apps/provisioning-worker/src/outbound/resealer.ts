import { ENCRYPTION_ALGORITHM, type KeyRing } from '@ultracore/credentials';
import type { OutRecord } from '@ultracore/kafka';
import type { Pool } from 'pg';
import type { BoundaryName } from '../provisioning/boundaries.ts';
import { countByKey, fixResealed, forgetSuperseded, leaseToReseal, type ToReseal } from '../store/keys.ts';
import { releaseLease } from '../store/leases.ts';
import type { SealedCredential } from '../store/work.ts';
import { tellFact, type FactSink } from './facts.ts';
import { judge } from './judge.ts';
import { openPasswords } from './passwords.ts';
import { factRecord } from './translate/fact.ts';
import type { Logger } from './under-lease.ts';

export interface ResealerOptions {
  readonly pool: Pool;
  readonly keyRing: KeyRing;
  readonly facts: FactSink;
  readonly holder: () => number;
  readonly leaseTtlMs: number;
  /** Credentials in one pass, at most. */
  readonly limit: number;
  readonly onBoundary: (name: BoundaryName) => void;
  /** Credentials by the key they are sealed with, those of this ring included that nothing is sealed with. */
  readonly onCounted: (credentials: ReadonlyMap<string, number>) => void;
  readonly logger: Logger;
}

export interface Resealer {
  /** Seals a number of credentials again; answers how many were told. */
  pass(): Promise<number>;
  /** Counts what is sealed with which key. */
  count(): Promise<void>;
}

/**
 * Seals with the present key what is sealed with a retired one: the same passwords, so that no role is touched and no login fails. The new
 * text is committed before it is told and told again until the directory shows it; the registry takes it only in the place of the one
 * it was made from.
 */
export function createResealer(options: ResealerOptions): Resealer {
  const { pool, keyRing, facts, onBoundary, logger } = options;
  const { retiredKeyIds: keyIds } = keyRing;
  let inUse = true;

  async function pass(): Promise<number> {
    const leasing = { keyIds, holder: options.holder(), ttlMs: options.leaseTtlMs, limit: options.limit };
    const due = keyIds.length === 0 ? [] : await leaseToReseal(pool, leasing);
    const told = due.length === 0 ? 0 : await reseal(due);
    if (told > 0 || inUse) await count();
    if (told > 0) logger.info({ told, key_id: keyRing.keyId }, 'credentials were sealed with the present key');
    return told;
  }

  async function reseal(due: readonly ToReseal[]): Promise<number> {
    const sealed = due.flatMap((each) => sealAgain(each) ?? []);
    const kept = await fixResealed(pool, keyRing.keyId, sealed);
    await Promise.all(due.map((lease) => releaseLease(pool, { ...lease, toEnd: [] })));
    onBoundary('resealed:fixed');
    const time = new Date().toISOString();
    const records = due.flatMap((each) => {
      const credential = kept.get(each.requestId);
      return credential === undefined ? [] : [toRecord(each, credential, time)];
    });
    await Promise.all(records.map((record) => tellFact(facts, record)));
    onBoundary('resealed:fact');
    return records.length;
  }

  /** Undefined for one that cannot be opened: its tenant's trouble, told and looked at again later. */
  function sealAgain({ sealed, ...lease }: ToReseal): ToReseal | undefined {
    const { tenantId } = lease;
    try {
      const { readWrite, readOnly } = openPasswords(keyRing, tenantId, sealed);
      const seal = (role: string, password: string): string => keyRing.seal({ tenantId, role, password });
      return {
        ...lease,
        sealed: {
          ...sealed,
          db_password_encrypted: seal(sealed.db_username, readWrite),
          readonly_db_password_encrypted: seal(sealed.readonly_db_username, readOnly),
          encryption_algorithm: ENCRYPTION_ALGORITHM,
          key_id: keyRing.keyId,
        },
      };
    } catch (error) {
      const { code, reason } = judge(error);
      logger.error({ tenant_id: tenantId, code, reason }, 'a credential cannot be sealed with another key');
      return undefined;
    }
  }

  async function count(): Promise<void> {
    const counted = await countByKey(pool);
    options.onCounted(new Map([...[keyRing.keyId, ...keyIds].map((keyId) => [keyId, 0] as const), ...counted]));
    const wasInUse = inUse;
    inUse = keyIds.some((keyId) => counted.has(keyId));
    if (inUse || !wasInUse || keyIds.length === 0) return;
    await forgetSuperseded(pool, keyIds);
    logger.info({ key_ids: keyIds }, 'nothing is sealed with the retired key any more: it may be taken away');
  }

  return { pass, count };
}

/** The id is made of the text that was committed: however often it is told, it is one fact, and another text is another. */
function toRecord({ tenantId, requestId, sealed: before }: ToReseal, sealed: SealedCredential, time: string): OutRecord {
  const origin = { requestId, tenantId, correlationId: undefined, traceparent: undefined };
  const fields = { ...sealed, previous_key_id: before.key_id, resealed_at: time };
  return factRecord(origin, `resealed ${sealed.db_password_encrypted}`, { type: 'TenantCredentialsResealedEvent', fields }, time);
}
