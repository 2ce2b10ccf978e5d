import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Tier } from '@ultracore/contracts';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import {
  bootstrapServer,
  type Connect,
  type Home,
  loadMigrations,
  type Migration,
  runMigrations,
  SHARED_DATABASE,
  superuserConnect,
  withConnection,
} from '@ultracore/tenant-database';
import { makeHome } from '@ultracore/tenant-database/testing';
import { startPrivatePostgres } from '@ultracore/testkit';
import { Client } from 'pg';
import { directParty, type DirectOptions, type Party, plant, type Planted } from '../src/index.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../infra/tenant-schema/migrations', import.meta.url));
const LIMITS = { connectionLimit: 8, statementTimeoutMs: 30_000, idleInTransactionTimeoutMs: 30_000, tempFileLimitMb: 16 };

/** A bootstrapped server of the file's own, with a pair of tenants in each tier: the faults that are seeded are its alone. */
export interface Bench {
  readonly attackers: Readonly<Record<Tier, Party>>;
  readonly victims: Readonly<Record<Tier, Planted>>;
  /** Another tenant. */
  newTenant(tier: Tier, tenantId: string): Promise<Tenant>;
  readonly server: { readonly host: string; readonly port: number };
  /** Empties the small tier's tables and plants again: a fault may have let the probes change its victim. */
  repair(): Promise<void>;
  /** As the superuser, in one database. */
  sql(database: string, statements: string): Promise<void>;
  stop(): Promise<void>;
}

export interface Tenant {
  readonly party: Party;
  readonly passwords: DirectOptions['passwords'];
}

export async function startBench(): Promise<Bench> {
  const server = await startPrivatePostgres();
  const adminPassword = generatePassword();
  await bootstrapServer(server.url(), { adminPassword });
  const admin: Connect = async (database) => {
    const client = new Client({
      host: server.host,
      port: server.port,
      user: 'ultracore_admin',
      password: adminPassword,
      database,
    });
    await client.connect();
    return client;
  };
  const migrations = await loadMigrations(MIGRATIONS);
  await withConnection(admin, SHARED_DATABASE, (shared) => runMigrations(shared, { schema: 'app', migrations, shared: true }));
  const superuser = superuserConnect(server.url());
  const sql = async (database: string, statements: string): Promise<void> => {
    await withConnection(superuser, database, (connection) => connection.query(statements));
  };
  const address = { host: server.host, port: server.port };
  const newTenant = (tier: Tier, tenantId: string) => makeTenant({ admin, migrations, ...address }, tier, tenantId);
  const party = async (tier: Tier, name: string) => (await newTenant(tier, `${name}-${randomBytes(4).toString('hex')}`)).party;
  const attackers = await byTier((tier) => party(tier, 'attacker'));
  const victims = await byTier(async (tier) => plant(await party(tier, 'victim')));
  await sql(SHARED_DATABASE, 'analyze');
  return {
    attackers,
    victims,
    sql,
    newTenant,
    server: address,
    async repair() {
      await victims.small.remove();
      await sql(SHARED_DATABASE, 'truncate app.clients, app.accounts, app.instruments, app.fx_rates cascade');
      victims.small = await plant(victims.small.party);
      await sql(SHARED_DATABASE, 'analyze');
    },
    async stop() {
      for (const victim of Object.values(victims)) await victim.remove();
      await server.stop();
    },
  };
}

async function byTier<T>(make: (tier: Tier) => Promise<T>): Promise<Record<Tier, T>> {
  return { enterprise: await make('enterprise'), standard: await make('standard'), small: await make('small') };
}

interface Server {
  readonly admin: Connect;
  readonly migrations: readonly Migration[];
  readonly host: string;
  readonly port: number;
}

async function makeTenant({ admin, migrations, host, port }: Server, tier: Tier, tenantId: string): Promise<Tenant> {
  const home: Home = { tenantId, tier, requestId: randomUUID() };
  const passwords = { 'read-write': generatePassword(), 'read-only': generatePassword() };
  const verifiers = { readWrite: scramVerifier(passwords['read-write']), readOnly: scramVerifier(passwords['read-only']) };
  await makeHome(admin, home, { migrations, limits: LIMITS, verifiers });
  return { party: directParty({ tenantId, tier, host, port, passwords }), passwords };
}
