import { createTenantConnectionPoolManager, type ResultSink } from '@ultracore/tenant-pool';
import { Client, Pool } from 'pg';
import type { Call } from '../workload.ts';
import { CONNECTIONS, type PoolLogin, type Variant } from './messages.ts';

/** Answers with the number of rows. */
export type Ask = (call: Call) => Promise<number>;

const DEADLINE_MS = 30_000;

/** Each variant with its connections open. */
export async function createAskers(login: PoolLogin): Promise<Record<Variant, Ask>> {
  const tenantPool = createTenantPool(login);
  return {
    pg: createPgPool(login),
    'pg pipeline': await createPgPipeline(login),
    'tenant-pool query': tenantPool.query,
    'tenant-pool submit': tenantPool.submit,
  };
}

/** A text has one name for ever. */
function createNames(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) => {
    const name = names.get(text) ?? `s${names.size}`;
    names.set(text, name);
    return name;
  };
}

function createPgPool(login: PoolLogin): Ask {
  const pool = new Pool({ ...login, max: CONNECTIONS });
  const nameOf = createNames();
  return async ({ text, params }) => (await pool.query({ name: nameOf(text), text, values: [...params] })).rows.length;
}

/** A `Pool` lends a client to one query at a time, so the clients are shared by hand. */
async function createPgPipeline(login: PoolLogin): Promise<Ask> {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client({ ...login, pipeline: true }));
  await Promise.all(clients.map((client) => client.connect()));
  const nameOf = createNames();
  let turn = 0;
  return async ({ text, params }) => {
    const client = clients[(turn = (turn + 1) % clients.length)];
    const result = await client?.query({ name: nameOf(text), text, values: [...params] });
    return result?.rows.length ?? 0;
  };
}

function createTenantPool({ host, port, tenantId, user, password, database }: PoolLogin): { query: Ask; submit: Ask } {
  const manager = createTenantConnectionPoolManager({
    serverBudgets: () => CONNECTIONS,
    applicationName: 'bench',
    socketDirectory: () => host,
  });
  const passwords = [async () => password];
  manager.registerTenant({
    tenantId,
    database,
    primary: { host: '127.0.0.1', port },
    readwrite: { user, passwords },
    readonly: { user: `${user}__ro`, passwords },
    minConnections: 1,
    maxConnections: CONNECTIONS,
    maxConcurrentQueries: 10_000,
    connectionTimeoutMs: DEADLINE_MS,
    idleTimeoutMs: 600_000,
  });
  const pool = manager.getPool(tenantId);
  return {
    query: async ({ text, params }) => (await pool.query(text, params)).rows.length,
    // As the gateway asks: rows stay bytes.
    submit: ({ text, params }) =>
      new Promise((resolve, reject) => {
        let rows = 0;
        const sink: ResultSink = {
          columns: () => {},
          row: () => {
            rows += 1;
          },
          complete: () => resolve(rows),
          failed: reject,
        };
        pool.submit({ text, params, lane: 'shared', deadline: performance.now() + DEADLINE_MS, repeatable: true }, sink);
      }),
  };
}
