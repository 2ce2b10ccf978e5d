import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyRing } from '@ultracore/credentials';
import type { Stack } from '@ultracore/local';
import { Client, Pool } from 'pg';
import { required } from '../frame/required.ts';
import { until } from '../frame/until.ts';

interface Login {
  host: string;
  port: number;
  database: string;
  user: string;
  sealed: string;
}

/** Acts as tenants of a local stack, whose master password it has; no API tells a tenant's password. */
export interface TenantLogin extends AsyncDisposable {
  /** Logs in with the issued credential and runs one query on a table of the tenant's home. */
  query(tenantId: string): Promise<void>;
  /** Resolves when the read model has so many active tenants whose id starts so; throws as soon as one has failed. */
  untilActive(prefix: string, wanted: number): Promise<void>;
}

const POLL_MS = 2;
const DEADLINE_MS = 10_000;
const ALL_ACTIVE = { deadlineMs: 30 * 60_000, everyMs: 50 };

export async function createTenantLogin(stack: Stack): Promise<TenantLogin> {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const readModel = new Pool({ host, port, user, password, database: 'ultracore_tenants', max: 4 });
  const { key_id: keyId, salt, rounds } = stack.master_key;
  const keyRing = await createKeyRing({ masterPassword: stack.master_password, keyId, salt, rounds });

  async function loginOf(tenantId: string): Promise<Login> {
    const result = await readModel.query<Login>(
      `select db_host as host, db_port as port, db_name as database, db_username as user, db_password_encrypted as sealed
       from tenant_configs where tenant_id = $1 and db_password_encrypted is not null`,
      [tenantId],
    );
    const row = result.rows[0];
    if (row) return row;
    throw new NotYet();
  }

  async function count(prefix: string, status: string): Promise<number> {
    const result = await readModel.query<{ n: number }>(
      'select count(*)::int as n from tenant_configs where starts_with(tenant_id, $1) and status = $2',
      [prefix, status],
    );
    return result.rows[0]?.n ?? 0;
  }

  return {
    async query(tenantId) {
      const login = await untilThere(() => loginOf(tenantId));
      const client = new Client({
        host: login.host,
        port: login.port,
        database: login.database,
        user: login.user,
        password: keyRing.open({ tenantId, role: login.user, sealed: login.sealed }),
      });
      await client.connect();
      try {
        await client.query('select count(*) from clients');
      } finally {
        await client.end();
      }
    },
    untilActive(prefix, wanted) {
      const areActive = async (): Promise<boolean> => {
        if ((await count(prefix, 'failed')) > 0) throw new Error(`A tenant failed, of those named ${prefix}….`);
        return (await count(prefix, 'active')) >= wanted;
      };
      return until(areActive, { what: `${wanted} active tenants`, ...ALL_ACTIVE });
    },
    async [Symbol.asyncDispose]() {
      await readModel.end();
    },
  };
}

/** The read model is a moment behind the API. */
class NotYet extends Error {}

async function untilThere<Value>(read: () => Promise<Value>): Promise<Value> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NotYet) || performance.now() > deadline) throw error;
    }
    await sleep(POLL_MS);
  }
}
