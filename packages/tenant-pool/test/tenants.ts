import { freshDatabase, type TestStack, uniqueName } from '@ultracore/testkit';
import { Client } from 'pg';
import {
  createTenantConnectionPoolManager,
  type TenantConnectionPoolManager,
  type TenantConnectionPoolManagerOptions,
  type TenantRegistration,
} from '../src/index.ts';

const APPLICATION = 'tenant-pool-test';

/** A server on which tenants' logins can be made. */
export interface Server {
  readonly host: string;
  readonly port: number;
  url(database?: string): string;
}

function stackServer(stack: TestStack): Server {
  const { host, port } = stack.postgres;
  return { host, port, url: (database) => stack.postgresUrl(database) };
}

/** A fresh database with tenants that see only what is theirs: `mine` has one row with the tenant's name, and `notes` takes what it writes. */
export interface Town extends AsyncDisposable {
  readonly server: Server;
  readonly database: string;
  readonly admin: Client;
  readonly applicationName: string;
  readonly ids: readonly string[];
  registration(tenantId: string, change?: Partial<TenantRegistration>): TenantRegistration;
  setPassword(tenantId: string, password: string): Promise<void>;
  /** Connections of this test's manager to the server, as Postgres counts them. */
  connections(): Promise<number>;
}

export async function foundTown(stack: TestStack, tenants: number): Promise<Town> {
  const database = await freshDatabase(stack, { prefix: 'pool' });
  return settle(stackServer(stack), database.name, tenants);
}

/** In a database that is there already. */
export async function settle(server: Server, database: string, tenants: number): Promise<Town> {
  const prefix = uniqueName('t');
  const ids = Array.from({ length: tenants }, (_, index) => `${prefix}_${index}`);
  const applicationName = uniqueName(APPLICATION);
  const admin = new Client({ connectionString: server.url(database), application_name: 'tenant-pool-admin' });
  admin.on('error', () => {});
  await admin.connect();
  for (const id of ids) await admin.query(homeSql(id, database));
  return {
    server,
    database,
    admin,
    applicationName,
    ids,
    registration: (tenantId, change = {}) => ({
      tenantId,
      database,
      primary: { host: server.host, port: server.port },
      readwrite: { user: `pooled_${tenantId}`, passwords: [async () => 'pw'] },
      readonly: { user: `pooled_${tenantId}__ro`, passwords: [async () => 'pw'] },
      minConnections: 0,
      maxConnections: 4,
      maxConcurrentQueries: 100,
      connectionTimeoutMs: 20_000,
      idleTimeoutMs: 60_000,
      ...change,
    }),
    async setPassword(tenantId, password) {
      await admin.query(`alter role pooled_${tenantId} password '${password}'`);
      await admin.query(`alter role pooled_${tenantId}__ro password '${password}'`);
    },
    async connections() {
      const { rows } = await admin.query<{ count: number }>(
        'select count(*)::int as count from pg_stat_activity where application_name = $1',
        [applicationName],
      );
      return rows[0]?.count ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await admin.end().catch(() => {});
      // The server may have been restarted meanwhile.
      const last = new Client({ connectionString: server.url(database), application_name: 'tenant-pool-admin' });
      await last.connect();
      for (const id of ids) {
        await last.query(
          `drop schema ${id} cascade; drop owned by pooled_${id}, pooled_${id}__ro; drop role pooled_${id}, pooled_${id}__ro`,
        );
      }
      await last.end();
    },
  };
}

const homeSql = (id: string, database: string): string => `
  create role pooled_${id} login password 'pw';
  create role pooled_${id}__ro login password 'pw';
  grant connect on database ${database} to pooled_${id}, pooled_${id}__ro;
  create schema ${id};
  create table ${id}.mine (id int primary key, name text not null);
  insert into ${id}.mine select n, '${id}' from generate_series(1, 100) n;
  create table ${id}.notes (id bigint generated always as identity primary key, body text unique);
  grant usage on schema ${id} to pooled_${id}, pooled_${id}__ro;
  grant select, insert, update, delete on all tables in schema ${id} to pooled_${id};
  grant select on all tables in schema ${id} to pooled_${id}__ro;
  alter role pooled_${id} set search_path = ${id};
  alter role pooled_${id}__ro set search_path = ${id};`;

/** A manager that ends with the scope, with all of the town's tenants. */
export function manage(
  town: Town,
  options: Partial<TenantConnectionPoolManagerOptions> & { budget?: number; each?: Partial<TenantRegistration> } = {},
): { readonly manager: TenantConnectionPoolManager } & AsyncDisposable {
  const { budget = 20, each, ...rest } = options;
  const manager = createTenantConnectionPoolManager({
    serverBudgets: () => budget,
    applicationName: town.applicationName,
    ...rest,
  });
  for (const id of town.ids) manager.registerTenant(town.registration(id, each));
  return {
    manager,
    [Symbol.asyncDispose]: () => manager.close(100),
  };
}
