import type { DirectoryRow } from '@ultracore/contracts';
import { CredentialError, type KeyRing } from '@ultracore/credentials';
import type { DirectoryReader } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import type { TenantRegistration } from '@ultracore/tenant-pool';
import { type KnownTenant, toKnownTenant, toRegistration, toUnreadable } from './known-tenant.ts';

/** Whether the copy may be acted on: not before all was read that was there at the start, and not while it may be behind. */
export type Currentness = 'starting' | 'stale' | 'current';

export interface TenantDirectory {
  find(tenantId: string): KnownTenant | undefined;
  currentness(): Currentness;
  /** Tenants in the copy. */
  readonly size: () => number;
  /** For the directory reader. */
  readonly onRow: (row: DirectoryRow) => void;
  readonly onUnreadable: (tenantId: string) => void;
  /** From now on `currentness` asks this reader. */
  follow(reader: Pick<DirectoryReader, 'caughtUp' | 'stale'>): void;
  /** Why requests are refused: not current, or no credential can be opened, so that the master password is not theirs. */
  fault(): string | undefined;
}

export interface DirectoryDeps {
  /** Makes an active tenant's pools, or changes them. Throws when what the row says cannot work. */
  readonly register: (registration: TenantRegistration) => void;
  /** Ends a tenant's pools, and what runs on them. */
  readonly remove: (tenantId: string, reason: string) => void;
  /** Users of an active tenant may have more rights than before, or fewer. */
  readonly changed: (before: KnownTenant, now: KnownTenant) => void;
  readonly keyRing: Pick<KeyRing, 'open' | 'assertHolds'>;
  /** Gateways that share a tenant's totals. */
  readonly gateways: number;
  readonly logger: Logger;
}

/** Asking the reader costs more than a query has to spare; a copy older by this much is nowhere near stale. */
const ASK_EVERY_MS = 50;

const FAULTS: Readonly<Record<Currentness, string | undefined>> = {
  starting: 'the directory has not been read yet',
  stale: 'the directory has had no beat for too long',
  current: undefined,
};

/**
 * The gateway's copy of the directory: who there is and in which state, and through the pools how they are reached. A tenant that is not
 * active, or whose row or credential cannot be read, is taken out of the pools at once, which cancels what runs for it.
 */
export function createTenantDirectory({ keyRing, gateways, register, remove, changed, logger }: DirectoryDeps): TenantDirectory {
  const tenants = new Map<string, KnownTenant>();
  let reader: Pick<DirectoryReader, 'caughtUp' | 'stale'> | undefined;
  let asked: Currentness = 'starting';
  let askedAt = -Infinity;
  let opened = 0;
  let keyFault: string | undefined;

  const open = (sealed: { tenantId: string; role: string; sealed: string }): string => keyRing.open(sealed);

  const refuse = (tenantId: string, reason: string): void => {
    tenants.set(tenantId, toUnreadable(tenantId, tenants.get(tenantId)));
    remove(tenantId, reason);
  };

  const holdsKeysOf = (row: DirectoryRow): boolean => {
    try {
      for (const credential of [row.credential, row.next_credential]) {
        if (credential === null) continue;
        keyRing.assertHolds(credential.db_password_encrypted);
        keyRing.assertHolds(credential.readonly_db_password_encrypted);
      }
      opened += 1;
      return true;
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      keyFault ??= error.message;
      logger.error({ tenantId: row.tenant_id, code: error.code }, 'a tenant is refused: its credential cannot be opened');
      return false;
    }
  };

  const ask = (): Currentness => {
    if (reader === undefined || !reader.caughtUp()) return 'starting';
    return reader.stale() ? 'stale' : 'current';
  };

  const currentness = (): Currentness => {
    const now = performance.now();
    if (now - askedAt >= ASK_EVERY_MS) {
      asked = ask();
      askedAt = now;
    }
    return asked;
  };

  return {
    find: (tenantId) => tenants.get(tenantId),
    size: () => tenants.size,
    follow(followed) {
      reader = followed;
    },
    currentness,
    fault() {
      if (opened === 0 && keyFault !== undefined) return `no credential can be opened: ${keyFault}`;
      return FAULTS[currentness()];
    },
    onRow(row) {
      const registration = toRegistration(row, { gateways, open });
      if (registration === undefined) {
        tenants.set(row.tenant_id, toKnownTenant(row));
        remove(row.tenant_id, `the tenant is ${row.status}`);
        return;
      }
      if (!holdsKeysOf(row)) return refuse(row.tenant_id, 'its credential cannot be opened');
      register(registration);
      const before = tenants.get(row.tenant_id);
      const now = toKnownTenant(row);
      tenants.set(row.tenant_id, now);
      if (before !== undefined && before.bounds !== now.bounds) changed(before, now);
    },
    onUnreadable: (tenantId) => refuse(tenantId, 'its row in the directory cannot be read'),
  };
}
