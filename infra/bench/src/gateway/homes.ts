import { randomUUID } from 'node:crypto';
import type { Tier } from '@ultracore/contracts';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import { type Home, homeNames, type HomeNames, type Verifiers, withConnection } from '@ultracore/tenant-database';
import { makeHome } from '@ultracore/tenant-database/testing';
import { Client } from 'pg';
import { inFlight } from '../frame/in-flight.ts';
import type { BenchServer } from './server.ts';
import { FILL_SQL } from './workload.ts';

export interface BenchTenant {
  readonly home: Home;
  readonly names: HomeNames;
  readonly passwords: { readonly readWrite: string; readonly readOnly: string };
  /** Of the passwords; made when first asked for, because that takes milliseconds. */
  readonly verifiers: Verifiers;
}

/** High enough to be no limit for any contender. */
const LIMITS = { connectionLimit: 400, statementTimeoutMs: 30_000, idleInTransactionTimeoutMs: 30_000, tempFileLimitMb: 64 };

/** Of twenty tenants by rank: an enterprise, six standard, thirteen small, mixed so that each tier has busy and idle ones. */
const TIERS_BY_RANK: readonly Tier[] = Array.from({ length: 20 }, (_, rank) =>
  rank === 0 ? 'enterprise' : rank % 3 === 1 && rank < 18 ? 'standard' : 'small',
);

export const tierOfRank = (rank: number): Tier => TIERS_BY_RANK[rank % TIERS_BY_RANK.length] ?? 'small';

export function newTenant(tenantId: string, tier: Tier): BenchTenant {
  const passwords = { readWrite: generatePassword(), readOnly: generatePassword() };
  let verifiers: Verifiers | undefined;
  return {
    home: { tenantId, tier, requestId: randomUUID() },
    names: homeNames(tenantId, tier),
    passwords,
    get verifiers() {
      verifiers ??= { readWrite: scramVerifier(passwords.readWrite), readOnly: scramVerifier(passwords.readOnly) };
      return verifiers;
    },
  };
}

/** Makes the homes as the worker would, but without the registry and its bookkeeping, and fills each with its instruments. */
export async function makeHomes(server: BenchServer, tenants: readonly BenchTenant[]): Promise<void> {
  await inFlight(tenants.length, 4, async (index) => {
    const tenant = tenants[index];
    if (tenant === undefined) return;
    const { home, verifiers } = tenant;
    await makeHome(server.admin, home, { migrations: server.migrations, limits: LIMITS, verifiers });
    await fill(server, tenant);
  });
  const databases = new Set(tenants.map(({ names }) => names.database));
  for (const database of databases) {
    await withConnection(server.superuser, database, (superuser) => superuser.query('vacuum analyze'));
  }
}

async function fill(server: BenchServer, { names, passwords }: BenchTenant): Promise<void> {
  const { host, port } = server;
  const client = new Client({ host, port, user: names.role, password: passwords.readWrite, database: names.database });
  await client.connect();
  try {
    await client.query(FILL_SQL);
  } finally {
    await client.end();
  }
}
