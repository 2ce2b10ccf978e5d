import {
  createDriftCheck,
  homeNames,
  type Connect,
  type DriftCheck,
  type DriftLook,
  type Migration,
} from '@ultracore/tenant-database';
import { wantedHome } from '../provisioning/wanted.ts';
import { countDrifted, leaseHomesToCompare, recordCompared } from '../store/drift.ts';
import { readLeasedRow, type LeaseOptions } from '../store/homes.ts';
import { releaseLease, type TenantLease } from '../store/leases.ts';
import { tellFact, type FactSink } from './facts.ts';
import type { PostgresServer } from './server.ts';
import { driftRecord } from './translate/drift.ts';
import { judgeTrouble, underLease, type Hand, type UnderLeaseOptions } from './under-lease.ts';

export interface DriftWatchOptions extends UnderLeaseOptions {
  readonly facts: FactSink;
  readonly migrations: readonly Migration[];
  /** How often a home is compared. */
  readonly everyMs: number;
  /** Homes compared in one pass on a server, at most. */
  readonly checks: number;
  /** Once aborted no further home is compared. */
  readonly stopping: AbortSignal;
  readonly leasing: () => Pick<LeaseOptions, 'holder' | 'ttlMs'>;
}

export interface DriftWatch {
  /** Compares the homes of a server that are due, and tells what the directory does not know yet; answers how many have drifted, as the directory has it. */
  pass(server: PostgresServer): Promise<number>;
}

/** Homes of one server that are compared at once. */
export const COMPARED_TOGETHER = 4;
/** What could not be compared now is looked at again after this time, if not sooner. */
const LOOK_AGAIN_MS = 300_000;

/**
 * Compares homes with what their version of the migrations should look like. Reads only, but under the tenant's lease, so that
 * no work of ours changes the home meanwhile. What small tenants share is compared once a pass.
 */
export function createDriftWatch(options: DriftWatchOptions): DriftWatch {
  const { pool, logger, everyMs } = options;
  const checks = new Map<PostgresServer, DriftCheck>();

  function checkOf(server: PostgresServer): DriftCheck {
    const known = checks.get(server);
    if (known) return known;
    const made = createDriftCheck({ connect: connectTo(server), migrations: options.migrations });
    checks.set(server, made);
    return made;
  }

  async function compare(hand: Hand<TenantLease>, shared: Shared): Promise<void> {
    const { lease, server } = hand;
    const row = await readLeasedRow(pool, lease);
    if (!row || !wantedHome(row)) return releaseLease(pool, lease);
    const { revision } = row;
    const named = { tenant_id: row.tenant_id, server: server.name };
    try {
      const home = { tenantId: row.tenant_id, tier: row.tier };
      const look = async (): Promise<DriftLook> =>
        checkOf(server).look(await hand.sessions.get(homeNames(home.tenantId, home.tier).database), home);
      const seen = await (home.tier === 'small' ? (shared.look ??= look()) : look());
      if (!seen.judged) {
        logger.warn({ ...named, because: seen.because }, 'a home could not be compared with what its version should look like');
        const afterMs = seen.because === 'changing' ? Math.min(everyMs, LOOK_AGAIN_MS) : everyMs;
        return await recordCompared(pool, lease, { revision, afterMs });
      }
      const record = driftRecord(row, seen.report, new Date().toISOString());
      if (record) {
        await tellFact(options.facts, record);
        const { version, count, differences } = seen.report;
        if (count > 0) logger.warn({ ...named, version, count, differences }, 'a home is not what its version should look like');
        else logger.info({ ...named, version }, 'a home is what its version should look like again');
      }
      await recordCompared(pool, lease, { revision, afterMs: everyMs });
    } catch (error) {
      const trouble = judgeTrouble(hand, error);
      if (trouble === undefined) return;
      logger.warn({ ...named, code: trouble.code, reason: trouble.reason }, 'a home could not be compared; trying again');
      await recordCompared(pool, lease, { revision, afterMs: Math.min(everyMs, LOOK_AGAIN_MS) });
    }
  }

  return {
    async pass(server) {
      const shared: Shared = { look: undefined };
      for (let left = options.checks; left > 0 && server.state === 'fit' && !options.stopping.aborted;) {
        const limit = Math.min(left, COMPARED_TOGETHER);
        const leases = await leaseHomesToCompare(pool, { ...options.leasing(), server, limit });
        if (leases.length === 0) break;
        left -= leases.length;
        await Promise.all(leases.map((lease) => underLease(options, server, lease, (hand) => compare(hand, shared))));
      }
      return countDrifted(pool, server);
    },
  };
}

/** What small tenants share, as one of them saw it in this pass. */
interface Shared {
  look: Promise<DriftLook> | undefined;
}

/** Pooled connections of the admin, under no tenant's lease: what is made to compare with is nobody's. */
const connectTo =
  (server: PostgresServer): Connect =>
  async (database) => {
    const connection = await server.connect(database);
    return { query: connection.client.query.bind(connection.client), end: () => connection.giveBack() };
  };
