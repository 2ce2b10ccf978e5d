import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapTenantServer } from '@ultracore/postgres-setup';
import { type PrivatePostgres, startPrivatePostgres, waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientOf, type GatewayClient } from '../src/gateway.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';

const ADMIN_PASSWORD = 'admin of the server that has a standby';

let platform: Platform;
let primary: PrivatePostgres;
let standby: PrivatePostgres;
let folder: string;
let sql: GatewayClient;
let id: string;

beforeAll(async () => {
  [platform, primary] = await Promise.all([createPlatform(), startPrivatePostgres()]);
  await bootstrapTenantServer(primary.url(), { adminPassword: ADMIN_PASSWORD });
  standby = await primary.standby();
  folder = mkdtempSync(join(tmpdir(), 'ultracore-replica-'));
  const env = { POSTGRES_SERVERS_FILE: serversFile() };
  await Promise.all([platform.start('registry', { env }), platform.start('provisioning-worker', { env })]);
  const gateway = await platform.start('pool-gateway', { env });
  id = freshId('copied');
  expect((await platform.api().create({ tenant_id: id, tier: 'standard' })).status).toBe(202);
  await platform.api().untilStatus(id);
  sql = clientOf(gateway, await platform.tenantToken({ tenantId: id }));
  const body = { readonly_db_host: standby.host, readonly_db_port: standby.port };
  expect((await platform.api().request('PUT', `/v1/tenants/${id}/replica`, { body })).status).toBe(202);
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await standby?.stop();
  await primary?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function serversFile(): string {
  const passwordFile = join(folder, 'admin.password');
  writeFileSync(passwordFile, ADMIN_PASSWORD, { mode: 0o600 });
  const server = {
    name: 'copied',
    host: primary.host,
    port: primary.port,
    connection_budget: 40,
    standbys: [{ host: standby.host, port: standby.port }],
    admin_user: 'ultracore_admin',
    admin_password_file: passwordFile,
  };
  const file = join(folder, 'servers.json');
  writeFileSync(file, JSON.stringify([server]));
  return file;
}

/** Where a read is run, and as whom. A write comes before it, because a primary that commits nothing lets its standby look old. */
async function reading(): Promise<{ where: 'standby' | 'primary'; who: string }> {
  const write = `insert into clients (kind, given_name, family_name) values ('person', 'By', 'Replica')`;
  expect(await sql.query(write)).toMatchObject({ status: 200 });
  const read = 'select pg_is_in_recovery() as standby, session_user as who';
  const { status, body, text } = await sql.query(read, [], { readonly: true });
  expect({ status, text }).toMatchObject({ status: 200 });
  const [row] = body['rows'] as { standby: boolean; who: string }[];
  return { where: row?.standby === true ? 'standby' : 'primary', who: row?.who ?? '' };
}

const untilReadOn = (place: 'standby' | 'primary', why: string) =>
  waitFor(async () => (await reading()).where === place, { what: `reads to be on the ${place}: ${why}`, deadlineMs: 60_000 });

test('reads go to a replica that the directory names while it is near, and none fails when it is behind or gone', async () => {
  await untilReadOn('standby', 'it is verified');
  expect((await reading()).who).toBe(`uc_${id.replaceAll('-', '_')}__ro`);
  expect(await sql.value('select pg_is_in_recovery()')).toBe(false);
  const write = await sql.query('delete from clients', [], { readonly: true });
  expect({ status: write.status, code: write.body['code'] }).toEqual({ status: 403, code: 'sql_error' });

  await onStandby('select pg_wal_replay_pause()');
  await untilReadOn('primary', 'it is behind');
  await onStandby('select pg_wal_replay_resume()');
  await untilReadOn('standby', 'it has caught up');

  let isGone = false;
  const going = standby.stop().then(() => (isGone = true));
  await waitFor(async () => (await reading()).where === 'primary' && isGone, {
    what: 'reads to be on the primary: it is gone',
    deadlineMs: 60_000,
  });
  await going;
  expect((await reading()).where).toBe('primary');
});

async function onStandby(text: string): Promise<void> {
  const client = new Client({ connectionString: standby.url() });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
