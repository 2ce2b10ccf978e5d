import { waitFor } from '@ultracore/testkit';
import type { Api } from './api.ts';
import { completeHome, homeObjects, loginOf, type Tier, withClient } from './homes.ts';
import type { Stack } from '@ultracore/local';
import { readTopic } from './topics.ts';

const SETTLED = ['active', 'failed', 'terminated'] as const;

/** What a settled creation must have told, once each, by tier. */
const CREATED_EVENTS: Readonly<Record<Tier, readonly string[]>> = {
  enterprise: [
    'TenantCreatedEvent',
    'TenantProvisioningStartedEvent',
    'TenantCredentialsIssuedEvent',
    'TenantDatabaseCreatedEvent',
    'TenantMigrationsCompletedEvent',
    'TenantActivatedEvent',
  ],
  standard: [
    'TenantCreatedEvent',
    'TenantProvisioningStartedEvent',
    'TenantCredentialsIssuedEvent',
    'TenantSchemaCreatedEvent',
    'TenantMigrationsCompletedEvent',
    'TenantActivatedEvent',
  ],
  small: [
    'TenantCreatedEvent',
    'TenantProvisioningStartedEvent',
    'TenantCredentialsIssuedEvent',
    'TenantMigrationsCompletedEvent',
    'TenantActivatedEvent',
  ],
};

/**
 * What is wrong with a tenant that should be settled, as sentences; empty = nothing lost, nothing doubled, nothing left over.
 * Waits until the tenant is active, failed or terminated and its work is closed.
 */
export async function faultsOf(stack: Stack, api: Api, tenantId: string, tier: Tier): Promise<string[]> {
  const faults: string[] = [];
  const { status } = await api.untilStatus(tenantId, SETTLED);
  await untilNoOpenWork(stack, tenantId);

  const objects = await homeObjects(stack, tenantId, tier);
  const wanted = status === 'active' ? completeHome(tenantId, tier) : [];
  if (objects.join() !== wanted.join())
    faults.push(`${tenantId} is ${String(status)}, but its objects are [${objects.join(', ')}]`);

  const history = await api.history(tenantId);
  if (status === 'active' && history.join() !== CREATED_EVENTS[tier].join()) {
    faults.push(`${tenantId}'s history is [${history.join(', ')}]`);
  }
  if (status === 'active') faults.push(...(await loginFaults(stack, tenantId)));
  return faults;
}

/** Both logins of a tenant work, read-only means it, and the tenant is who the database says it is. */
async function loginFaults(stack: Stack, tenantId: string): Promise<string[]> {
  const faults: string[] = [];
  await waitFor(() => loginOf(stack, tenantId), { what: `${tenantId} to be in the read model` });
  for (const mode of ['readwrite', 'readonly'] as const) {
    const login = await loginOf(stack, tenantId, mode);
    await withClient({ stack, ...login }, async (client) => {
      const { rows } = await client.query<{ tenant: string; clients: string }>(
        'select ultracore.current_tenant_id() as tenant, (select count(*) from clients) as clients',
      );
      if (rows[0]?.tenant !== tenantId) faults.push(`${login.user} is taken for ${rows[0]?.tenant}`);
    });
  }
  return faults;
}

async function untilNoOpenWork(stack: Stack, tenantId: string): Promise<void> {
  await waitFor(
    () =>
      withClient({ stack, database: 'ultracore__worker' }, async (client) => {
        const { rows } = await client.query<{ open: string }>(
          `select count(*) as open from worker.work_item where tenant_id = $1 and state <> 'closed'`,
          [tenantId],
        );
        return Number(rows[0]?.open) === 0;
      }),
    { what: `the worker to close its work for ${tenantId}`, deadlineMs: 60_000 },
  );
}

/**
 * What is wrong with the published events of some tenants, as sentences. Each event of a stream is on its topic, at least once;
 * taken without its repetitions, a tenant's events are in stream order; nothing is published that is in no stream.
 */
export async function publicationFaults(stack: Stack, api: Api, tenantIds: readonly string[]): Promise<string[]> {
  const records = (await Promise.all(['lifecycle', 'security'].map((name) => readTopic(stack, `multitenancy.${name}`)))).flat();
  const faults: string[] = [];
  for (const tenantId of tenantIds) {
    const { body } = await api.request('GET', `/v1/tenants/${tenantId}/events?limit=200`);
    const stored = (body['events'] as { event_id: string; type: string }[]).map((event) => event.event_id);
    const published = new Map<string, number>();
    for (const topic of ['multitenancy.lifecycle', 'multitenancy.security']) {
      let last = -1;
      for (const record of records.filter((each) => each.key === tenantId && each.topic === topic)) {
        const id = record.headers['ce_id'] ?? '';
        if (published.has(id)) continue;
        const sequence = Number(record.headers['ce_sequence']);
        published.set(id, sequence);
        if (sequence <= last) faults.push(`${tenantId}: event ${sequence} came after ${last} on ${topic}`);
        last = Math.max(last, sequence);
      }
    }
    const missing = stored.filter((id) => !published.has(id));
    const extra = [...published.keys()].filter((id) => !stored.includes(id));
    if (missing.length > 0) faults.push(`${tenantId}: ${missing.length} of ${stored.length} events were never published`);
    if (extra.length > 0) faults.push(`${tenantId}: published, but in no stream: ${extra.join(', ')}`);
  }
  return faults;
}
