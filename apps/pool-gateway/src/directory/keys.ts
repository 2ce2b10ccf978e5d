import type { DirectoryCredential, DirectoryRow } from '@ultracore/contracts';
import { CredentialError, type CredentialErrorCode, type KeyRing } from '@ultracore/credentials';

const KEY_FAULTS: ReadonlySet<CredentialErrorCode> = new Set(['unknown_key', 'wrong_master_password']);

export interface Openable {
  readonly row: DirectoryRow;
  /** Why it is without the next credential, though there is one. */
  readonly nextFault: string | undefined;
}

export interface CredentialKeys {
  /**
   * The row with credentials that the key ring has the keys of, or undefined. When it lacks that of the next credential alone, the row is without
   * that: the one in force is good until it is replaced. With `keepKnown`, one that is sealed with a key unknown here
   * keeps the text that it was known by before, if it was: the request that had it issued has one password for ever.
   */
  openable(row: DirectoryRow, options: { keepKnown: boolean }): Openable | undefined;
  /** The tenant has no pools: its credentials do not matter. */
  forget(tenantId: string): void;
  /** Whether the ring has the key of any tenant's credentials. */
  opensAny(): boolean;
  /** Tenants of which it has not, with the reason. One whose credential is merely damaged is nobody else's trouble and not here. */
  readonly closed: ReadonlyMap<string, string>;
}

interface Resolved {
  readonly credential: DirectoryCredential | null;
  readonly fault: CredentialError | undefined;
}

/** Which tenants' credentials can be opened, as far as their keys tell. */
export function createCredentialKeys(keyRing: Pick<KeyRing, 'assertHolds'>): CredentialKeys {
  const known = new Map<string, readonly DirectoryCredential[]>();
  const closed = new Map<string, string>();

  const faultOf = (credential: DirectoryCredential): CredentialError | undefined => {
    try {
      keyRing.assertHolds(credential.db_password_encrypted);
      keyRing.assertHolds(credential.readonly_db_password_encrypted);
      return undefined;
    } catch (error) {
      if (error instanceof CredentialError) return error;
      throw error;
    }
  };

  return {
    closed,
    opensAny: () => known.size > 0,
    forget(tenantId) {
      known.delete(tenantId);
      closed.delete(tenantId);
    },
    openable(row, { keepKnown }) {
      const knownBefore = keepKnown ? (known.get(row.tenant_id) ?? []) : [];
      const resolve = (credential: DirectoryCredential | null): Resolved => {
        const fault = credential === null ? undefined : faultOf(credential);
        if (fault === undefined) return { credential, fault };
        const before = knownBefore.find((each) => each.request_id === credential?.request_id);
        return before === undefined ? { credential: null, fault } : { credential: before, fault: undefined };
      };
      const { credential, fault } = resolve(row.credential);
      const next = resolve(row.next_credential);
      closed.delete(row.tenant_id);
      known.delete(row.tenant_id);
      if (fault !== undefined) {
        if (KEY_FAULTS.has(fault.code)) closed.set(row.tenant_id, fault.message);
        return undefined;
      }
      const openable = [credential, next.credential].filter((each) => each !== null);
      if (openable.length > 0) known.set(row.tenant_id, openable);
      return { row: { ...row, credential, next_credential: next.credential }, nextFault: next.fault?.message };
    },
  };
}

/** How many credentials cannot be opened and why, in a sentence for each reason. */
export function inWords(reasons: Iterable<string>): string {
  const counted = new Map<string, number>();
  for (const reason of reasons) counted.set(reason, (counted.get(reason) ?? 0) + 1);
  return [...counted]
    .map(([reason, count]) => `${count} stored ${count === 1 ? 'credential' : 'credentials'} cannot be opened: ${reason}`)
    .join(' ');
}
