import { randomUUID } from 'node:crypto';
import { waitFor } from '@ultracore/testkit';
import { expect } from 'vitest';
import { faultsOf, publicationFaults } from './convergence.ts';
import { directoryRows } from './directory.ts';
import { withClient, type Tier } from './homes.ts';
import type { Platform, ServiceName } from './platform.ts';
import { freshId } from './tenants.ts';

/**
 * Creates a tenant while one service is set to kill itself at a boundary, checks that it did die there, starts it again without
 * the trap and checks that the tenant ends complete, once, with nothing left over. The other service runs throughout.
 */
export async function surviveKillAt(platform: Platform, service: ServiceName, boundary: string, tier: Tier): Promise<void> {
  const id = freshId('crash');
  const key = randomUUID();
  const other: ServiceName = service === 'registry' ? 'provisioning-worker' : 'registry';
  await Promise.all(platform.running(service).map((running) => running.stop()));
  const [trapped] = await Promise.all([
    platform.start(service, { crashAt: boundary }),
    platform.running(other).length > 0 ? undefined : platform.start(other),
  ]);
  const create = () => platform.api('operator').create({ tenant_id: id, tier }, key);
  // The registry may die before it answers: its caller then does what every caller does, and asks again under the same key.
  const first = await create().catch(() => undefined);
  await waitFor(() => !trapped.isAlive(), {
    what: `${service} to kill itself at ${boundary} (log ${trapped.logFile})`,
    deadlineMs: 60_000,
  });
  expect(await trapped.exited, trapped.logFile).toMatchObject({ signal: 'SIGKILL' });

  await platform.start(service);
  if (first?.status !== 202) expect((await create()).status).toBe(202);
  expect(await faultsOf(platform.stack, platform.api(), id, tier), `after a kill at ${boundary}`).toEqual([]);
}

/**
 * Suspends an active tenant while the registry is set to kill itself at a boundary, starts it again without the trap, and checks that the
 * tenant is suspended once: in its stream, on the topics, in the directory and in the read model.
 */
export async function surviveKillOfCommandAt(platform: Platform, boundary: string): Promise<void> {
  const id = freshId('crash');
  const key = randomUUID();
  if (platform.running('provisioning-worker').length === 0) await platform.start('provisioning-worker');
  if (platform.running('registry').length === 0) await platform.start('registry');
  expect((await platform.api().create({ tenant_id: id, tier: 'small' })).status).toBe(202);
  await platform.api().untilStatus(id);
  await Promise.all(platform.running('registry').map((running) => running.stop()));

  const trapped = await platform.start('registry', { crashAt: boundary });
  const suspend = () =>
    platform
      .api()
      .request('POST', `/v1/tenants/${id}/suspend`, { body: { reason: 'unpaid' }, headers: { 'idempotency-key': key } });
  const first = await suspend().catch(() => undefined);
  await waitFor(() => !trapped.isAlive(), {
    what: `the registry to kill itself at ${boundary} (log ${trapped.logFile})`,
    deadlineMs: 60_000,
  });
  expect(await trapped.exited, trapped.logFile).toMatchObject({ signal: 'SIGKILL' });

  await platform.start('registry');
  if (first?.status !== 202) expect((await suspend()).status).toBe(202);
  expect(await suspend(), 'the same request again is the same').toMatchObject({ status: 202, body: { status: 'suspended' } });
  expect((await platform.api().history(id)).filter((type) => type === 'TenantSuspendedEvent')).toHaveLength(1);
  const { stack } = platform;
  await waitFor(async () => (await publicationFaults(stack, platform.api(), [id])).length === 0, {
    what: `every event of ${id} to be published`,
    deadlineMs: 60_000,
  });
  expect((await directoryRows(stack, [id])).get(id)).toMatchObject({ status: 'suspended' });
  await waitFor(async () => (await storedStatus(stack, id)) === 'suspended', {
    what: `${id} to be suspended in the read model`,
    deadlineMs: 60_000,
  });
}

const storedStatus = (stack: Platform['stack'], tenantId: string): Promise<string | undefined> =>
  withClient({ stack, database: 'ultracore_tenants' }, async (client) => {
    const { rows } = await client.query<{ status: string }>('select status from tenant_configs where tenant_id = $1', [tenantId]);
    return rows[0]?.status;
  });
