import type { Pool } from 'pg';
import type { LeaseKeeper } from '../store/lease-keeper.ts';
import { forgetEnded, isLeaseHeld, releaseLease, type TenantLease } from '../store/leases.ts';
import { inBookkeeping, judge, type Judged } from './judge.ts';
import type { PostgresServer } from './server.ts';
import { LeaseLostError, openSessions, sessionName, type Sessions } from './sessions.ts';

export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** One tenant in hand: under whose lease, on which server, and by which sessions. */
export interface Hand<Lease extends TenantLease> {
  readonly server: PostgresServer;
  readonly lease: Lease;
  readonly sessions: Sessions;
  /** Aborts when the lease is lost: then nothing more may be done. */
  readonly lost: AbortSignal;
}

export interface UnderLeaseOptions {
  readonly pool: Pool;
  readonly keeper: LeaseKeeper;
  readonly logger: Logger;
}

/**
 * Does something to a tenant under a lease that was just taken: first what an earlier holder may still have under way is
 * ended; then `work` runs while the lease is renewed. `work` gives the lease back. Never throws: when it could not even be kept
 * what went wrong, the tenant is taken up again after the lease has run out.
 */
export async function underLease<Lease extends TenantLease>(
  { pool, keeper, logger }: UnderLeaseOptions,
  server: PostgresServer,
  lease: Lease,
  work: (hand: Hand<Lease>) => Promise<void>,
): Promise<void> {
  const lost = keeper.keep(lease.token);
  const sessions = openSessions({
    connect: (database) => server.connect(database),
    token: lease.token,
    isHeld: () => inBookkeeping(isLeaseHeld(pool, lease)),
  });
  lost.addEventListener('abort', () => sessions.destroy());
  try {
    if (lease.toEnd.length > 0) await endEarlierHolders(pool, server, lease);
    await work({ server, lease, sessions, lost });
  } catch (error) {
    if (!lost.aborted)
      logger.warn({ err: error, tenant_id: lease.tenantId }, 'a tenant is left as it is until the lease has run out');
  } finally {
    keeper.drop(lease.token);
    await sessions.giveBack();
  }
}

/**
 * What kind of trouble an error is that ended some work on a tenant; undefined when the lease is lost, so that nothing more may be done. When it is
 * the server's, the server is told, and its sessions are ended.
 */
export function judgeTrouble({ server, sessions, lost }: Hand<TenantLease>, error: unknown): Judged | undefined {
  if (lost.aborted || error instanceof LeaseLostError) return undefined;
  const judged = judge(error);
  if (judged.kind === 'server') {
    server.reportTrouble(error);
    // One that hangs would be waited for again when it is given back.
    sessions.destroy();
  }
  return judged;
}

async function endEarlierHolders(pool: Pool, server: PostgresServer, lease: TenantLease): Promise<void> {
  try {
    await server.endSessions(lease.toEnd.map(sessionName));
  } catch (error) {
    server.reportTrouble(error);
    await releaseLease(pool, lease);
    throw error;
  }
  await forgetEnded(pool, lease);
}
