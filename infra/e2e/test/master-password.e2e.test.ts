import { stackFile } from '@ultracore/local';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryRows } from '../src/directory.ts';
import { withClient } from '../src/homes.ts';
import { type Launched, launchStack } from '../src/launcher.ts';
import { loadTenants } from '../src/load-tenants.ts';
import { createPlatform, type Platform, type RunningService, type ServiceName } from '../src/platform.ts';
import { startLoad } from '../src/rotation-load.ts';

// A stack of its own: every credential on it is sealed with another key.
let own: Launched;
let platform: Platform;
beforeAll(async () => {
  own = await launchStack(['--backends-only']);
  platform = await createPlatform(stackFile(own.dataDir));
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

const NEW = 'the master password from now on';
const ROUNDS = { ULTRACORE_MASTER_ROUNDS: '100000' };
const named = (name: 'PREVIOUS' | 'NEXT', keyId: string, password: string) => ({
  [`ULTRACORE_MASTER_PASSWORD_${name}`]: password,
  [`ULTRACORE_MASTER_KEY_ID_${name}`]: keyId,
});
const changedTo = { ...ROUNDS, ULTRACORE_MASTER_PASSWORD: NEW, ULTRACORE_MASTER_KEY_ID: 'k2' };

const start = (name: ServiceName, env: Record<string, string>) => platform.start(name, { env: { ...ROUNDS, ...env } });

/** The one line with which a service ends that must not start. */
async function refusalOf(name: ServiceName, env: Record<string, string>): Promise<string> {
  const refused = await platform.start(name, { env: { ...ROUNDS, ...env }, untilReady: false });
  expect(await refused.exited).toMatchObject({ code: 1 });
  return refused.output();
}

/** Key ids of every sealed text that is kept anywhere but in the log. */
async function keysInUse(tenantIds: readonly string[]): Promise<Set<string>> {
  const keyOf = (sealed: string) => sealed.split('.')[1] ?? '';
  const texts = async (database: string, sql: string) =>
    withClient({ stack: platform.stack, database }, async (client) => {
      const { rows } = await client.query<{ sealed: string }>(sql);
      return rows.map(({ sealed }) => sealed);
    });
  const rows = [...(await directoryRows(platform.stack, tenantIds)).values()];
  const both = (table: string) =>
    `select unnest(array[db_password_encrypted, readonly_db_password_encrypted]) as sealed from ${table} where db_password_encrypted is not null`;
  return new Set(
    [
      ...rows.flatMap(({ credential, next_credential: next }) =>
        [credential, next].flatMap((each) =>
          each === null ? [] : [each.db_password_encrypted, each.readonly_db_password_encrypted],
        ),
      ),
      ...(await texts('ultracore_tenants', both('tenant_configs'))),
      ...(await texts('ultracore__worker', both('worker.sealed_credential'))),
    ].map(keyOf),
  );
}

test(
  'the master password is changed while tenants query: no request fails, every credential is sealed again, the old key is of no use any more',
  { timeout: 600_000 },
  async () => {
    const old = platform.stack.master_password;
    await platform.start('registry');
    let worker = await start('provisioning-worker', {});
    const gateways: RunningService[] = [await start('pool-gateway', { GATEWAY_INSTANCE: 'gw-1' })];
    const tenants = await loadTenants(platform, gateways[0] as RunningService, 2);
    const suspended = tenants.pop();
    if (suspended === undefined) throw new Error('There is no tenant to suspend.');
    const suspend = { method: 'POST', path: `/v1/tenants/${suspended.id}/suspend`, body: { reason: 'because' } };
    expect((await platform.api().request(suspend.method, suspend.path, { body: suspend.body })).status).toBe(202);
    const ids = [...tenants, suspended].map(({ id }) => id);
    await using load = startLoad(gateways, tenants, 6);

    /** As a rolling update does it: first the new gateway, then the old one ends what it has; one worker after the other. */
    const replace = async (instance: string, env: Record<string, string>): Promise<void> => {
      const next = await start('pool-gateway', { ...env, GATEWAY_INSTANCE: instance });
      const [before] = gateways.splice(0, 1, next);
      // What was on its way to it when it was taken out.
      const answered = load.answered();
      await waitFor(() => load.answered() > answered + 20, { what: 'requests to go to the new gateway', deadlineMs: 60_000 });
      await before?.stop();
      await worker.stop();
      worker = await start('provisioning-worker', env);
    };

    await replace('gw-2', named('NEXT', 'k2', NEW));
    expect(await keysInUse(ids)).toEqual(new Set(['k1']));
    await replace('gw-3', { ...changedTo, ...named('PREVIOUS', 'k1', old) });
    await waitFor(async () => [...(await keysInUse(ids))].join() === 'k2', {
      what: 'every credential to be sealed with the new key',
      deadlineMs: 90_000,
    });
    await waitFor(
      async () => (await (await fetch(`${worker.url}/metrics`)).text()).includes('worker_sealed_credentials{key_id="k1"} 0'),
      { what: 'the worker to say that the old key is out of use', deadlineMs: 30_000 },
    );
    await replace('gw-4', changedTo);
    const { requests, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(50);
    for (const id of ids) expect((await platform.api().history(id)).at(-1)).toBe('TenantCredentialsResealedEvent');

    await worker.stop();
    expect(await refusalOf('provisioning-worker', {})).toMatch(
      /6 stored credentials are sealed with key \\?"k2\\?", which this worker is not given/,
    );
    expect(await refusalOf('provisioning-worker', { ...changedTo, ULTRACORE_MASTER_PASSWORD: 'neither' })).toMatch(
      /ULTRACORE_MASTER_PASSWORD .* is not the one of key \\?"k2\\?", with which 6 stored credentials/,
    );
    expect(await refusalOf('pool-gateway', { GATEWAY_INSTANCE: 'gw-5' })).toMatch(
      /5 stored credentials cannot be opened: .*\\?"k2\\?", which is not in the ring\. Set ULTRACORE_MASTER_PASSWORD/,
    );
  },
);
