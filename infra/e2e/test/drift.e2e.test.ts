import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapTenantServer } from '@ultracore/postgres-setup';
import { homeNames } from '@ultracore/tenant-database';
import { type PrivatePostgres, startPrivatePostgres, waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tier } from '../src/homes.ts';
import { withClient } from '../src/homes.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';

const ADMIN_PASSWORD = 'admin of a server with a standby';
const DEADLINE = { deadlineMs: 90_000 };

/** A platform whose tenants live on a server of the test's own, which has a standby. */
let platform: Platform;
let server: PrivatePostgres;
let standby: PrivatePostgres;
const folder = mkdtempSync(join(tmpdir(), 'ultracore-servers-'));
const ids = { enterprise: freshId('drift'), standard: freshId('drift') };
beforeAll(async () => {
  [platform, server] = await Promise.all([createPlatform(), startPrivatePostgres()]);
  await bootstrapTenantServer(server.url(), { adminPassword: ADMIN_PASSWORD });
  standby = await server.standby();
  const env = { POSTGRES_SERVERS_FILE: serversFile() };
  await Promise.all([
    platform.start('registry', { env }),
    platform.start('provisioning-worker', { env: { ...env, WORKER_DRIFT_EVERY_SECONDS: '1' } }),
  ]);
  for (const [tier, id] of Object.entries(ids)) {
    expect((await platform.api().create({ tenant_id: id, tier })).status).toBe(202);
  }
  for (const id of Object.values(ids)) await platform.api().untilStatus(id, ['active'], DEADLINE.deadlineMs);
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await standby?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function serversFile(): string {
  const [passwordFile, file] = [join(folder, 'password'), join(folder, 'servers.json')];
  writeFileSync(passwordFile, ADMIN_PASSWORD, { mode: 0o600 });
  const standbys = [{ host: standby.host, port: standby.port }];
  const place = { name: 'own', host: server.host, port: server.port, connection_budget: 200, standbys };
  writeFileSync(file, JSON.stringify([{ ...place, admin_user: 'ultracore_admin', admin_password_file: passwordFile }]));
  return file;
}

/** The tenant once it is as wanted. */
const untilTenant = (id: string, what: string, isSo: (tenant: Record<string, unknown>) => boolean) =>
  waitFor(
    async () => {
      const { body } = await platform.api().get(id);
      if (isSo(body)) return body;
      throw new Error(JSON.stringify(body));
    },
    { what: `${id}: ${what}`, ...DEADLINE },
  );

const countOf = async (id: string, type: string): Promise<number> =>
  (await platform.api().history(id)).filter((each) => each === type).length;

describe.each(['enterprise', 'standard'] as const)('a %s home that a superuser changed', (tier: keyof typeof ids & Tier) => {
  const id = ids[tier];
  const { database, schema } = homeNames(id, tier);
  const alter = (sql: string) =>
    withClient(
      {
        stack: {
          ...platform.stack,
          postgres: { host: server.host, port: server.port, user: 'postgres', password: new URL(server.url()).password },
        },
        database,
      },
      (client) => client.query(`set search_path = ${schema}; ${sql}`),
    );
  const isListed = async (): Promise<boolean> => {
    const { body } = await platform.api().request('GET', '/v1/tenants?drift=true&limit=200');
    return (body['tenants'] as { tenant_id: string }[]).some(({ tenant_id: each }) => each === id);
  };

  test('is shown with what differs and listed, once, until it is put right', async () => {
    expect(await isListed()).toBe(false);
    await alter('alter table portfolios alter name drop not null');
    const drifted = await untilTenant(id, 'its drift', ({ schema_drift: drift }) => drift !== null);
    expect(drifted['schema_drift']).toMatchObject({
      migration_version: drifted['migration_version'],
      difference_count: 1,
      differences: ['table portfolios: column name: nullable is yes, should be no'],
    });
    await waitFor(isListed, { what: 'it to be listed', ...DEADLINE });
    await alter('alter table portfolios alter name set not null');
    await untilTenant(id, 'no drift', ({ schema_drift: drift }) => drift === null);
    await waitFor(async () => !(await isListed()), { what: 'it to be listed no more', ...DEADLINE });
    expect([await countOf(id, 'TenantSchemaDriftDetectedEvent'), await countOf(id, 'TenantSchemaDriftResolvedEvent')]).toEqual([
      1, 1,
    ]);
  });
});

describe('a migration to a version that there is not', () => {
  test('fails, and leaves the tenant at the version that it has', async () => {
    const before = (await platform.api().get(ids.standard)).body['migration_version'];
    const answer = await platform
      .api()
      .request('POST', `/v1/tenants/${ids.standard}/migrate`, { body: { target_version: '9999' } });
    expect(answer.status, answer.text).toBe(202);
    const after = await untilTenant(
      ids.standard,
      'its migration to end',
      ({ requests }) => outcomeOf(requests, 'migrate') === 'failed',
    );
    expect(after).toMatchObject({ status: 'active', migration_version: before });
    expect(await countOf(ids.standard, 'TenantMigrationsFailedEvent')).toBe(1);
  });
});

const outcomeOf = (requests: unknown, kind: string): string | undefined =>
  (requests as Record<string, { outcome: string } | null>)[kind]?.outcome;

describe('a read replica', () => {
  const replicaOf = (method: 'PUT' | 'DELETE', body?: object) =>
    platform.api().request(method, `/v1/tenants/${ids.standard}/replica`, body === undefined ? {} : { body });

  test('is shown once the worker has verified it; what is no standby of the tenant’s server is refused', async () => {
    const unknown = await replicaOf('PUT', { readonly_db_host: '127.0.0.1', readonly_db_port: 1 });
    expect(unknown, unknown.text).toMatchObject({ status: 422, body: { code: 'unknown_standby' } });
    const place = { readonly_db_host: standby.host, readonly_db_port: standby.port };
    expect((await replicaOf('PUT', place)).status).toBe(202);
    const tenant = await untilTenant(ids.standard, 'its replica', ({ readonly_db_port: port }) => port !== null);
    expect(tenant).toMatchObject({ ...place, requests: { verify_replica: { outcome: 'done' } } });
    const steps = (await platform.api().history(ids.standard)).filter((type) => type.includes('ReadReplica'));
    expect(steps).toEqual(['TenantReadReplicaRequestedEvent', 'TenantReadReplicaVerifiedEvent', 'TenantReadReplicaAddedEvent']);
    expect((await replicaOf('PUT', place)).body).toMatchObject({ code: 'replica_exists' });
    expect((await replicaOf('DELETE')).status).toBe(202);
    expect((await platform.api().get(ids.standard)).body).toMatchObject({ readonly_db_host: null, readonly_db_port: null });
  });
});
