import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../src/api.ts';
import { faultsOf, publicationFaults } from '../src/convergence.ts';
import type { Tier } from '../src/homes.ts';
import { type Launched, launchStack } from '../src/launcher.ts';
import { freshId } from '../src/tenants.ts';
import { SHORT_SESSION_MS } from '../src/topics.ts';

const TIERS: readonly Tier[] = ['enterprise', 'standard', 'small'];

let own: Launched;
beforeAll(async () => {
  own = await launchStack([], { KAFKA_SESSION_TIMEOUT_MS: String(SHORT_SESSION_MS) });
});
afterAll(() => own[Symbol.asyncDispose]());

const api = () => createApi(String(own.stack().edge_url), own.stack().tokens?.operator);

/** Asks until the platform answers, as a caller does whose request meets a restart: same key, same tenant. */
async function create(id: string, tier: Tier): Promise<void> {
  await waitFor(
    async () => {
      const answer = await api().create({ tenant_id: id, tier }, `key-of-${id}`);
      if (answer.status === 202) return true;
      throw new Error(`${answer.status} ${answer.text}`);
    },
    { what: `${id} to be accepted`, deadlineMs: 90_000, everyMs: 200 },
  );
}

describe('kill -9 of a part while tenants are being provisioned', () => {
  test.for(['kafka', 'postgres', 'schema-registry', 'eventstore', 'registry', 'provisioning-worker'])(
    '%s: every tenant ends active once, or failed and cleaned up',
    { timeout: 240_000 },
    async (part) => {
      const tenants = Array.from({ length: 6 }, (_, n) => ({ id: freshId('restart'), tier: TIERS[n % TIERS.length] ?? 'small' }));
      const pid = own.stack().pids[part];
      expect(pid, `the launcher's ${part}`).toBeGreaterThan(0);
      await Promise.all(tenants.slice(0, 3).map(({ id, tier }) => create(id, tier)));
      process.kill(Number(pid), 'SIGKILL');
      await Promise.all(tenants.slice(3).map(({ id, tier }) => create(id, tier)));
      await waitFor(() => own.stack().pids[part] !== pid, { what: `${part} to be started again`, deadlineMs: 90_000 });
      const faults: string[] = [];
      for (const { id, tier } of tenants) {
        const { status } = await api().untilStatus(id, ['active', 'failed'], 120_000);
        faults.push(
          ...(await faultsOf(own.stack(), api(), id, tier)),
          ...(status === 'active' ? [] : [`${id} is ${String(status)}`]),
        );
      }
      expect(faults).toEqual([]);
      expect(
        await publicationFaults(
          own.stack(),
          api(),
          tenants.map(({ id }) => id),
        ),
      ).toEqual([]);
    },
  );
});
