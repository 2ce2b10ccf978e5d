import type { DirectoryRow } from '@ultracore/contracts';
import type { KeyRing } from '@ultracore/credentials';
import { ADMIN_DATABASE, inspectHome, openLogin, SHARED_DATABASE, type Connection, type Home } from '@ultracore/tenant-database';
import type { BoundaryName } from '../provisioning/boundaries.ts';
import { decideRepair } from '../provisioning/repair.ts';
import { fingerprintOf, loginLimits, wantedHome, type WantedHome } from '../provisioning/wanted.ts';
import { postponeHome, readLeasedHome, recordApplied, type LeasedHome } from '../store/homes.ts';
import { releaseLease, type TenantLease } from '../store/leases.ts';
import { changeLogins, closeLogins } from './change-logins.ts';
import { judge } from './judge.ts';
import { openPasswords, verifiersOf, type Passwords } from './passwords.ts';
import type { PostgresServer } from './server.ts';
import { asTenant } from './tenant-login.ts';
import { judgeTrouble, underLease, type Hand, type UnderLeaseOptions } from './under-lease.ts';

const LOOK_AGAIN_MS = 5000;
/** A rotation is soon over, and leaves the logins to be looked at. */
const ROTATING_MS = 1000;
const TOO_MANY_CONNECTIONS = 'pg_53300';

export interface RepairerOptions extends UnderLeaseOptions {
  readonly keyRing: KeyRing;
  readonly onBoundary: (name: BoundaryName) => void;
}

export interface Repairer {
  /** Makes a leased home's logins what its directory row wants, tests those that are open, and gives the lease back. Never throws. */
  perform(server: PostgresServer, lease: TenantLease): Promise<void>;
}

/**
 * Reconciles what has no end: LOGIN, limits, settings and passwords of a home's logins. What a tenant changed about its own
 * roles is set again.
 */
export function createRepairer(options: RepairerOptions): Repairer {
  const { pool, keyRing, onBoundary, logger } = options;

  async function reconcile(hand: Hand<TenantLease>): Promise<void> {
    const { lease } = hand;
    const home = await readLeasedHome(pool, lease);
    const wanted = home && wantedHome(home.row);
    if (!home || !wanted) return releaseLease(pool, lease);
    const { revision } = home.row;
    let settled: boolean;
    try {
      settled = await bringInLine(hand, home, wanted);
    } catch (error) {
      const trouble = judgeTrouble(hand, error);
      if (trouble === undefined) return;
      logger.warn(
        { tenant_id: lease.tenantId, code: trouble.code, reason: trouble.reason },
        "a home's logins could not be brought in line; trying again",
      );
      return postponeHome(pool, lease, { revision, afterMs: LOOK_AGAIN_MS, mayStillRun: trouble.kind === 'server' });
    }
    if (settled) return recordApplied(pool, lease, fingerprintOf(wanted));
    return postponeHome(pool, lease, { revision, afterMs: ROTATING_MS, mayStillRun: false });
  }

  /** False while the logins cannot be made as they are wanted. */
  async function bringInLine(hand: Hand<TenantLease>, { row, applied }: LeasedHome, wanted: WantedHome): Promise<boolean> {
    const home: Home = { tenantId: row.tenant_id, tier: row.tier, requestId: wanted.requestId };
    const session = await hand.sessions.get(home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
    const repair = decideRepair(wanted, await inspectHome(session, home), applied === fingerprintOf(wanted));
    const named = { tenant_id: home.tenantId, request_id: home.requestId };
    switch (repair.do) {
      case 'report':
        report(named, repair.missing);
        return true;
      case 'close':
        await closeLogins({ pool, lease: hand.lease, sessions: hand.sessions, onBoundary });
        logger.info(named, "a home's logins were closed");
        report(named, repair.missing);
        return true;
      case 'open':
      case 'nothing':
        // While a rotation is under way either password may be the one in force; who rotates sets it.
        if (!wanted.login) return true;
        if (row.next_credential !== null) return false;
        await keepOpen(hand, session, home, row, repair.do === 'open' ? repair.because : []);
        return true;
      default:
        return repair satisfies never;
    }
  }

  function report(named: object, missing: readonly string[]): void {
    if (missing.length === 0) return;
    logger.error({ ...named, missing }, 'a part of a home is missing or not ours: its data needs a person');
  }

  async function keepOpen(
    hand: Hand<TenantLease>,
    session: Connection,
    home: Home,
    row: DirectoryRow,
    faults: readonly string[],
  ): Promise<void> {
    if (row.credential === null) return;
    const passwords = openPasswords(keyRing, home.tenantId, row.credential);
    const because = faults.length > 0 ? faults : await refusedLogins(hand.server, home, passwords);
    if (because.length === 0) return;
    await changeLogins(pool, hand.lease, async () => {
      onBoundary('opening:before');
      await openLogin(session, home, loginLimits(row), verifiersOf(passwords));
      onBoundary('opening:after');
    });
    logger.warn({ tenant_id: home.tenantId, request_id: home.requestId, because }, "a home's logins were set again");
  }

  return { perform: (server, lease) => underLease(options, server, lease, reconcile) };
}

/** A login that is full has taken the password: it counts as working. */
async function refusedLogins(server: PostgresServer, home: Home, { readWrite, readOnly }: Passwords): Promise<string[]> {
  const test = async (kind: 'read-write' | 'read-only', password: string): Promise<string[]> => {
    try {
      const end = await asTenant(server, home, { kind, password }, () => Promise.resolve());
      return end === 'refused' ? [`the ${kind} login is refused`] : [];
    } catch (error) {
      const { code } = judge(error);
      if (code === TOO_MANY_CONNECTIONS) return [];
      if (code === 'smoke_failed') return [`the ${kind} login does not work`];
      throw error;
    }
  };
  return (await Promise.all([test('read-write', readWrite), test('read-only', readOnly)])).flat();
}
