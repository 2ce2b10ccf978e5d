import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapTenantServer } from '@ultracore/postgres-setup';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf } from '../src/convergence.ts';
import { completeHome, homeObjects } from '../src/homes.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';

const SECOND_PASSWORD = 'admin of the second server';

let platform: Platform;
let second: PrivatePostgres;
let folder: string;
beforeAll(async () => {
  [platform, second] = await Promise.all([createPlatform(), startPrivatePostgres()]);
  await bootstrapTenantServer(second.url(), { adminPassword: SECOND_PASSWORD });
  folder = mkdtempSync(join(tmpdir(), 'ultracore-servers-'));
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await second.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A placement list of two servers: the shared one and a second. */
function serversFile(): string {
  const entry = (name: string, { host, port }: { host: string; port: number }, password: string) => {
    const passwordFile = join(folder, `${name}.password`);
    writeFileSync(passwordFile, password, { mode: 0o600 });
    return {
      name,
      host,
      port,
      connection_budget: 100,
      standbys: [],
      admin_user: 'ultracore_admin',
      admin_password_file: passwordFile,
    };
  };
  const { postgres } = platform.stack;
  if (postgres === undefined) throw new Error('The stack has no Postgres.');
  const servers = [
    entry('first', postgres, String(platform.secrets.postgres_role_passwords['ultracore_admin'])),
    entry('second', second, SECOND_PASSWORD),
  ];
  const file = join(folder, 'servers.json');
  writeFileSync(file, JSON.stringify(servers));
  return file;
}

describe('one dead Postgres server of two', () => {
  test('delays only its own tenants, and they are provisioned as soon as it is back', async () => {
    await second.pause();
    const env = { POSTGRES_SERVERS_FILE: serversFile() };
    await platform.start('registry', { env });
    await platform.start('provisioning-worker', { env });
    const api = platform.api();
    const onDead = Array.from({ length: 8 }, () => freshId('dead'));
    const onLive = Array.from({ length: 8 }, () => freshId('live'));
    for (const id of onDead) expect((await api.create({ tenant_id: id, tier: 'standard', server: 'second' })).status).toBe(202);
    for (const id of onLive) expect((await api.create({ tenant_id: id, tier: 'standard', server: 'first' })).status).toBe(202);
    for (const id of onLive) expect(await faultsOf(platform.stack, api, id, 'standard')).toEqual([]);
    for (const id of onDead) expect((await api.get(id)).body['status']).toBe('provisioning');

    await second.resume();
    const superuser = { host: second.host, port: second.port, user: 'postgres', password: new URL(second.url()).password };
    for (const id of onDead) {
      await api.untilStatus(id);
      expect(await homeObjects({ ...platform.stack, postgres: superuser }, id, 'standard')).toEqual(completeHome(id, 'standard'));
    }
  });
});
