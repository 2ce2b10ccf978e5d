import type { ItemState, Outcome, Tier } from './situation.ts';

/** An object of a server that is a home's, or is named like one. */
export interface FoundObject {
  readonly kind: 'database' | 'schema' | 'role';
  readonly name: string;
  readonly tenantId: string | undefined;
  readonly requestId: string | undefined;
}

export interface KnownRequest {
  readonly state: ItemState | 'closed';
  readonly outcome: Outcome | null;
}

export interface KnownTenant {
  readonly tenantId: string;
  readonly tier: Tier;
  readonly homeRequestId: string | null;
  /** Whether the directory wants a home to be there. */
  readonly hasHome: boolean;
}

interface Orphan {
  readonly object: FoundObject;
  readonly why: 'no_comment' | 'unknown_request' | 'not_the_home' | 'left_over';
}

export interface Survey {
  /** What is there and should not be. Only what is `left_over`, of a request that ended without a home, may be removed. */
  readonly orphans: readonly Orphan[];
  /** Objects of homes that should be there and are not. */
  readonly missing: readonly { readonly tenantId: string; readonly kind: FoundObject['kind']; readonly name: string }[];
}

type NamesOf = (tenantId: string, tier: Tier) => { database: string; schema: string; role: string; readonlyRole: string };

/**
 * Compares what a server holds with what the directory and the bookkeeping say. The objects must have been listed **before**
 * the requests were read, and these before the tenants: a home that is finished in between is then known, never an orphan.
 */
export const survey = (
  found: readonly FoundObject[],
  tenants: readonly KnownTenant[],
  requests: ReadonlyMap<string, KnownRequest>,
  namesOf: NamesOf,
): Survey => {
  const homes = new Map(tenants.map((tenant) => [tenant.tenantId, tenant.homeRequestId]));
  const orphans = found.flatMap((object) => {
    const why = reasonOf(object, homes, requests);
    return why === undefined ? [] : [{ object, why }];
  });
  const there = new Set(found.map(({ kind, name, requestId }) => `${kind} ${name} ${requestId}`));
  const missing = tenants
    .filter(({ hasHome }) => hasHome)
    .flatMap((tenant) =>
      objectsOf(tenant, namesOf).filter(({ kind, name }) => !there.has(`${kind} ${name} ${tenant.homeRequestId}`)),
    );
  return { orphans, missing };
};

const reasonOf = (
  { tenantId, requestId }: FoundObject,
  homes: ReadonlyMap<string, string | null>,
  requests: ReadonlyMap<string, KnownRequest>,
): Orphan['why'] | undefined => {
  if (tenantId === undefined || requestId === undefined) return 'no_comment';
  if (homes.get(tenantId) === requestId) return undefined;
  const request = requests.get(requestId);
  if (request === undefined) return 'unknown_request';
  if (request.state !== 'closed') return undefined;
  return request.outcome === 'done' ? 'not_the_home' : 'left_over';
};

const objectsOf = ({ tenantId, tier }: KnownTenant, namesOf: NamesOf): Survey['missing'] => {
  const { database, schema, role, readonlyRole } = namesOf(tenantId, tier);
  const place = { enterprise: [['database', database]], standard: [['schema', schema]], small: [] } as const;
  const objects = [...place[tier], ['role', role], ['role', readonlyRole]] as const;
  return objects.map(([kind, name]) => ({ tenantId, kind, name }));
};
