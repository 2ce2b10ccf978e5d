import type { DirectoryRow } from '@ultracore/contracts';
import type { KeyRing } from '@ultracore/credentials';
import type { DirectoryReader } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import type { TenantRegistration } from '@ultracore/tenant-pool';
import { createCredentialKeys, inWords } from './keys.ts';
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
  /** Why requests are refused: not current, or credentials that were there at the start cannot be opened. */
  fault(): string | undefined;
  /** That not one credential can be opened, once all was read that was there at the start: the master password is not theirs. */
  wrongKeys(): string | undefined;
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
  const keys = createCredentialKeys(keyRing);
  /** Tenants whose credentials could not be opened when the copy was complete for the first time. */
  let closedAtFirst: readonly string[] | undefined;
  /** Asking for the fault is frequent, and there are many tenants only while a key is missing. */
  const stillClosed = (): string[] => (closedAtFirst ??= [...keys.closed.keys()]).flatMap((id) => keys.closed.get(id) ?? []);

  const open = (sealed: { tenantId: string; role: string; sealed: string }): string => keyRing.open(sealed);

  const refuse = (tenantId: string, reason: string): void => {
    tenants.set(tenantId, toUnreadable(tenantId, tenants.get(tenantId)));
    remove(tenantId, reason);
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
      askedAt = -Infinity;
    },
    currentness,
    fault() {
      const fault = FAULTS[currentness()];
      if (fault !== undefined) return fault;
      const closed = stillClosed();
      return closed.length === 0 ? undefined : inWords(closed);
    },
    wrongKeys() {
      if (keys.opensAny() || keys.closed.size === 0 || currentness() === 'starting') return undefined;
      return `${inWords(keys.closed.values())} Set ULTRACORE_MASTER_PASSWORD, its key id, salt and rounds as the worker has them.`;
    },
    onRow(row) {
      if (toRegistration(row, { gateways, open }) === undefined) {
        keys.forget(row.tenant_id);
        tenants.set(row.tenant_id, toKnownTenant(row));
        remove(row.tenant_id, `the tenant is ${row.status}`);
        return;
      }
      // Of what was there at the start also rows are read that are long past: they say nothing of the keys that are needed.
      const openable = keys.openable(row, { keepKnown: currentness() !== 'starting' });
      const registration = openable && toRegistration(openable.row, { gateways, open });
      if (registration === undefined) {
        const reason = keys.closed.get(row.tenant_id) ?? 'it is damaged';
        logger.error({ tenantId: row.tenant_id, reason }, 'a tenant is refused: its credential cannot be opened');
        return refuse(row.tenant_id, 'its credential cannot be opened');
      }
      if (openable?.nextFault !== undefined) {
        const { nextFault: reason } = openable;
        logger.error(
          { tenantId: row.tenant_id, reason },
          'the next credential of a tenant cannot be opened: it serves with the one in force',
        );
      }
      register(registration);
      const before = tenants.get(row.tenant_id);
      const now = toKnownTenant(row);
      tenants.set(row.tenant_id, now);
      if (before !== undefined && before.bounds !== now.bounds) changed(before, now);
    },
    onUnreadable: (tenantId) => refuse(tenantId, 'its row in the directory cannot be read'),
  };
}
