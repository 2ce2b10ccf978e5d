import type { Pool } from 'pg';

/** For how long a key is remembered. */
const KEPT_FOR = '24 hours';

export interface KeyedRequest {
  readonly principal: string;
  readonly route: string;
  readonly key: string;
  /** SHA-256 of what was asked. */
  readonly fingerprint: Buffer;
  readonly tenantId: string;
}

export interface RememberedRequest {
  /** Nothing was asked under this key in the last day. */
  readonly first: boolean;
  /** Whether what was asked under this key is what is asked now. */
  readonly same: boolean;
  /** The tenant that the key stands for. */
  readonly tenantId: string;
}

export interface RequestMemory {
  /** Remembers what is asked under a key, or says what was. Of two at once, one is first. */
  remember(request: KeyedRequest): Promise<RememberedRequest>;
}

interface Waiting {
  readonly request: KeyedRequest;
  readonly resolve: (remembered: RememberedRequest) => void;
  readonly reject: (error: unknown) => void;
}

const MOST_AT_ONCE = 200;
const STATEMENTS_AT_ONCE = 2;

/** Requests that come at the same time, or while statements are under way, are remembered by one statement: one commit for all of them. */
export function createRequestMemory(pool: Pool): RequestMemory {
  let waiting: Waiting[] = [];
  let underWay = 0;

  /** Each key once: a repetition is compared with what the statement before it has stored. */
  const take = (): Map<string, Waiting> => {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    for (const each of waiting) {
      const name = nameOf(each.request);
      if (taken.size < MOST_AT_ONCE && !taken.has(name)) taken.set(name, each);
      else left.push(each);
    }
    waiting = left;
    return taken;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) await settle(pool, take());
    underWay -= 1;
  };

  return {
    remember: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        if (underWay === STATEMENTS_AT_ONCE) return;
        underWay += 1;
        setImmediate(() => void run());
      }),
  };
}

const nameOf = ({ principal, route, key }: Pick<KeyedRequest, 'principal' | 'route' | 'key'>): string =>
  JSON.stringify([principal, route, key]);

/** Never rejects. What the database does not take must not fail its neighbours: then each is tried alone. */
async function settle(pool: Pool, batch: ReadonlyMap<string, Waiting>): Promise<void> {
  try {
    const remembered = await rememberAll(
      pool,
      [...batch.values()].map(({ request }) => request),
    );
    for (const [name, { resolve, reject }] of batch) {
      const answer = remembered.get(name);
      if (answer) resolve(answer);
      else reject(new TypeError('insert … on conflict do update … returning left a row out'));
    }
  } catch (error) {
    if (batch.size > 1) for (const [name, each] of batch) await settle(pool, new Map([[name, each]]));
    else for (const { reject } of batch.values()) reject(error);
  }
}

type StoredRequest = Pick<KeyedRequest, 'principal' | 'route' | 'key' | 'fingerprint'> & { tenant_id: string; first: boolean };

/** The rows are taken in one order, so that two statements that meet wait for each other instead of deadlocking. */
async function rememberAll(pool: Pool, requests: readonly KeyedRequest[]): Promise<Map<string, RememberedRequest>> {
  const result = await pool.query<StoredRequest>({
    name: 'remember_requests',
    text: `
      insert into idempotency_keys as known (principal, route, key, fingerprint, tenant_id)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[]) order by 1, 2, 3
      on conflict (principal, route, key) do update set
        fingerprint = case when known.created_at < now() - interval '${KEPT_FOR}' then excluded.fingerprint else known.fingerprint end,
        tenant_id = case when known.created_at < now() - interval '${KEPT_FOR}' then excluded.tenant_id else known.tenant_id end,
        created_at = case when known.created_at < now() - interval '${KEPT_FOR}' then now() else known.created_at end
      returning principal, route, key, fingerprint, tenant_id, xmax = 0 as first`,
    values: [
      requests.map(({ principal }) => principal),
      requests.map(({ route }) => route),
      requests.map(({ key }) => key),
      requests.map(({ fingerprint }) => fingerprint),
      requests.map(({ tenantId }) => tenantId),
    ],
  });
  const stored = new Map(result.rows.map((row) => [nameOf(row), row]));
  return new Map(
    requests.flatMap((request) => {
      const name = nameOf(request);
      const row = stored.get(name);
      if (!row) return [];
      return [[name, { first: row.first, same: row.fingerprint.equals(request.fingerprint), tenantId: row.tenant_id }] as const];
    }),
  );
}

/** Forgets keys older than a day; the number of those forgotten. */
export async function forgetOldRequests(pool: Pool): Promise<number> {
  const result = await pool.query(`delete from idempotency_keys where created_at < now() - interval '${KEPT_FOR}'`);
  return result.rowCount ?? 0;
}
