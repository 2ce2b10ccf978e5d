import type { EventStore } from '@ultracore/event-sourcing';
import { isKafkaError, type MessageCodec, type OutRecord } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import type { Pool } from 'pg';
import { parkedTenants, parkTenant, unparkTenant } from '../store/parked-tenants.ts';
import { streamOf, tenantCodec } from '../tenant/codec.ts';
import { evolve, initialState } from '../tenant/evolve.ts';
import { toDirectoryRecord } from './directory-record.ts';
import { translate } from './translate.ts';

export interface Parking {
  /** Publishes what is missing of parked tenants, of whom all can be said now: a registry that knows more, or contracts that allow more. */
  readonly release: (publish: (records: readonly OutRecord[]) => Promise<void>) => Promise<void>;
  /** Without the records of parked tenants. */
  readonly without: (records: readonly OutRecord[]) => OutRecord[];
  /** Parks the tenants of those records that cannot be said; false when there is none among them. */
  readonly park: (records: readonly OutRecord[]) => Promise<boolean>;
}

/**
 * One tenant's fault must not hold up all others, and nothing may be lost or overtaken. So a tenant is put aside with the first revision
 * that is missing outside, before anything goes past it, and is published from there on once that is possible.
 */
export function createParking(deps: {
  pool: Pool;
  store: EventStore;
  /** Decides what can be said. */
  codec: MessageCodec;
  logger: Logger;
}): Parking {
  const { pool, store, codec, logger } = deps;
  const parked = new Set<string>();

  const missingOf = async (tenantId: string, from: bigint): Promise<OutRecord[]> => {
    const { events } = await store.readStream(streamOf(tenantId));
    const state = events.map((stored) => tenantCodec.decode(stored)).reduce(evolve, initialState());
    const missing = events
      .filter(({ revision }) => revision >= from)
      .map((stored) => translate(stored, tenantCodec.decode(stored)));
    return state.status === 'none' ? missing : [toDirectoryRecord(state), ...missing];
  };

  return {
    async release(publish) {
      for (const { tenantId, revision } of await parkedTenants(pool)) {
        const missing = await missingOf(tenantId, revision);
        const refusal = missing.map((record) => refusalOf(codec, record)).find((reason) => reason !== undefined);
        if (refusal === undefined) {
          await publish(missing);
          await unparkTenant(pool, tenantId);
          logger.info({ tenant_id: tenantId }, 'a tenant that was put aside is published again');
        } else {
          parked.add(tenantId);
          logger.error({ tenant_id: tenantId, reason: refusal }, 'a tenant stays aside: nothing of it is published');
        }
      }
    },
    without: (records) => (parked.size === 0 ? [...records] : records.filter(({ key }) => !parked.has(key))),
    async park(records) {
      const faults = records.flatMap((record) => {
        const reason = refusalOf(codec, record);
        return reason === undefined ? [] : [{ record, reason }];
      });
      for (const { record, reason } of faults) {
        const tenantId = record.key;
        const sequences = records.filter(({ key }) => key === tenantId).map(({ envelope }) => envelope.sequence ?? 0);
        await parkTenant(pool, { tenantId, revision: BigInt(Math.min(...sequences)), reason });
        parked.add(tenantId);
        logger.error({ tenant_id: tenantId, reason }, 'a tenant is put aside: nothing more of it is published');
      }
      return faults.length > 0;
    },
  };
}

/** Why the codec does not take a record; undefined when it does. */
function refusalOf(codec: MessageCodec, { topic, envelope: { type }, body }: OutRecord): string | undefined {
  try {
    codec.encode({ topic, type, body });
    return undefined;
  } catch (error) {
    if (isKafkaError(error, 'invalid_body')) return error.message;
    throw error;
  }
}
