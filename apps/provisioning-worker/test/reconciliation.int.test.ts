import { randomUUID } from 'node:crypto';
import { homeComment } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordRow } from '../src/store/directory.ts';
import { asTenant, objectsOf, wholeHome } from './support/homes.ts';
import { playRegistry, type Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const OFTEN = { reconcileEveryMs: 200 };

async function activeTenant(rig: Rig, tenantId: string, tier: 'enterprise' | 'standard' | 'small'): Promise<Registry> {
  const registry = playRegistry(rig.pool, server, tenantId, tier);
  await registry.create();
  expect(await registry.answer()).toBe('active');
  await registry.untilClosed();
  return registry;
}

const roleOf = async (name: string) =>
  (
    await server.query<{ login: boolean; connections: number; settings: string[] }>(
      `select rolcanlogin as login, rolconnlimit as connections, rolconfig as settings from pg_roles where rolname = $1`,
      [name],
    )
  )[0];

describe('what has no end follows the directory row', () => {
  it('a suspended tenant cannot log in and its sessions are ended; a reactivated one can again', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await activeTenant(rig, 'paused-firm', 'standard');
    const sleeping = asTenant(registry.row(), rig.keyRing, 'select pg_sleep(60)').catch(() => 'ended');
    await registry.change({ status: 'suspended' });
    await waitFor(async () => (await roleOf('uc_paused_firm'))?.login === false, { what: 'the login to be closed' });
    expect(await sleeping).toBe('ended');
    await expect(asTenant(registry.row(), rig.keyRing, 'select 1')).rejects.toMatchObject({ code: '28000' });
    await registry.change({ status: 'active' });
    await waitFor(() => asTenant(registry.row(), rig.keyRing, 'select 1'), { what: 'the login to be open' });
  });

  it('a terminated tenant’s sessions are ended and neither login lets anybody in; its data stays', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await activeTenant(rig, 'over-firm', 'enterprise');
    const sleeping = asTenant(registry.row(), rig.keyRing, 'select pg_sleep(60)', 'readonly').catch(() => 'ended');
    await registry.change({ status: 'terminated' });
    expect(await sleeping).toBe('ended');
    for (const login of ['readwrite', 'readonly'] as const) {
      await expect(asTenant(registry.row(), rig.keyRing, 'select 1', login)).rejects.toMatchObject({ code: '28000' });
    }
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, 'enterprise'));
  });

  it('a resized tenant gets the connection limit, at both logins', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await activeTenant(rig, 'grown-firm', 'small');
    await registry.change({ max_connections: 40 });
    await waitFor(async () => (await roleOf('uc_grown_firm'))?.connections === 45, { what: 'the new limit' });
    expect(await roleOf('uc_grown_firm__ro')).toMatchObject({ connections: 45 });
  });
});

describe('the periodic pass', () => {
  it('sets again what a tenant changed about its own logins: password and settings', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    const registry = await activeTenant(rig, 'stubborn-firm', 'enterprise');
    const before = await roleOf('uc_stubborn_firm');
    await asTenant(
      registry.row(),
      rig.keyRing,
      `alter role current_user password 'mine'; alter role current_user set statement_timeout = 0`,
    );
    await waitFor(async () => JSON.stringify(await roleOf('uc_stubborn_firm')) === JSON.stringify(before), {
      what: 'the settings to be what they were',
    });
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('mends a login that its tenant made unusable, and takes it for no fault of the server', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    const registry = await activeTenant(rig, 'breaking-firm', 'standard');
    await asTenant(
      registry.row(),
      rig.keyRing,
      `alter role current_user in database ultracore_shared set local_preload_libraries = 'nowhere'`,
    );
    await waitFor(() => asTenant(registry.row(), rig.keyRing, 'select 1'), { what: 'the login to work again' });
    expect(rig.log.filter((line) => line.includes('the Postgres server cannot be used now'))).toEqual([]);
  });

  it('takes a tenant that ends its own sessions for no fault of the server', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    const registry = await activeTenant(rig, 'jumpy-firm', 'enterprise');
    const ending = `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()`;
    const until = Date.now() + 3000;
    while (Date.now() < until) await server.query(ending.replace('current_user', `'uc_jumpy_firm'`));
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(rig.log.filter((line) => line.includes('the Postgres server cannot be used now'))).toEqual([]);
  });

  it('leaves a home alone in which nothing is wrong', async () => {
    await using rig = await createRig(server.postgres);
    const worker = await rig.worker([server], OFTEN);
    const registry = await activeTenant(rig, 'steady-firm', 'standard');
    const tested = async () =>
      (await rig.pool.query<{ at: string }>('select logins_tested_at::text as at from worker.directory_row')).rows[0]?.at;
    const first = await tested();
    await waitFor(async () => (await tested()) !== first, { what: 'the home to be looked at' });
    await worker.stop();
    expect(rig.log.filter((line) => line.includes('were set again'))).toEqual([]);
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, 'standard'));
  });

  it('reports what nobody knows and touches it not; removes what a request left that ended without a home', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    const failed = playRegistry(rig.pool, server, 'left-firm', 'standard');
    await failed.create();
    await failed.cancel();
    await failed.untilClosed();
    await rig.pool.query(
      `insert into worker.intended_home (request_id, tenant_id, tier, db_host, db_port) values ($1, 'left-firm', 'standard', $2, $3) on conflict do nothing`,
      [failed.requestId(), server.host, server.port],
    );
    await server.query(
      `create role uc_left_firm; comment on role uc_left_firm is '${homeComment('left-firm', failed.requestId())}'`,
    );
    await server.query(`grant uc_left_firm to ultracore_admin with admin option`);
    await server.query(
      `create role uc_unknown_firm; comment on role uc_unknown_firm is '${homeComment('unknown-firm', randomUUID())}'`,
    );
    await server.query('create role uc_nameless_firm');

    await waitFor(async () => (await objectsOf(server, 'left-firm')).length === 0, { what: 'the left-over to be removed' });
    await waitFor(
      () =>
        rig.log.some(
          (line) => line.includes('uc_nameless_firm (no_comment)') && line.includes('uc_unknown_firm (unknown_request)'),
        ),
      {
        what: 'the report',
      },
    );
    expect(await objectsOf(server, 'unknown-firm')).toEqual(['role uc_unknown_firm']);
    expect(await objectsOf(server, 'nameless-firm')).toEqual(['role uc_nameless_firm']);
    await server.query('drop role uc_unknown_firm; drop role uc_nameless_firm');
  });

  it('reports a home of which a part is missing', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    await activeTenant(rig, 'holey-firm', 'standard');
    await server.query('drop schema tenant_holey_firm cascade', [], 'ultracore_shared');
    const report = await waitFor(() => rig.log.find((line) => line.includes('schema tenant_holey_firm')), { what: 'the report' });
    expect(report).toContain('parts of homes are missing');
  });
});

it('a bookkeeping that was lost is filled again: homes are adopted with the password that is in force', async () => {
  let row: Registry | undefined;
  {
    await using before = await createRig(server.postgres);
    await before.worker([server]);
    row = await activeTenant(before, 'lasting-firm', 'standard');
  }
  await using rig = await createRig(server.postgres);
  await rig.worker([server], OFTEN);
  await recordRow(rig.pool, row.row());
  await waitFor(async () => (await rig.pool.query('select from worker.directory_row where applied = wanted')).rowCount, {
    what: 'the home to be known',
  });
  expect(await asTenant(row.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
});
