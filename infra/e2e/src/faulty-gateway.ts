import { fileURLToPath } from 'node:url';
import { TIERS } from '@ultracore/contracts';
import { directParty, gatewayParty, type Party, plant, type Planted } from '@ultracore/isolation-probes';
import { waitFor } from '@ultracore/testkit';
import { expect } from 'vitest';
import { loginOf, type Tier } from './homes.ts';
import type { Platform, RunningService } from './platform.ts';
import { freshId } from './tenants.ts';

/** A text of a source file of the gateway, and what is run instead. */
export interface SeededFault {
  /** How the file's path ends. */
  readonly file: string;
  readonly instead: string;
  readonly run: string;
}

const SEEDER = fileURLToPath(new URL('seed-fault.ts', import.meta.url));

/** A real gateway with one fault in it. */
export function startFaultyGateway(platform: Platform, fault: SeededFault): Promise<RunningService> {
  return platform.start('pool-gateway', {
    env: { NODE_OPTIONS: `--import=${SEEDER}`, ULTRACORE_SEEDED_FAULT: JSON.stringify(fault) },
  });
}

/** Tenants for probes: their ids, and what was planted with each victim. */
export interface ProbePair {
  readonly tier: Tier;
  readonly attacker: string;
  readonly victim: Planted;
}

/** An active attacker and an active, planted victim in every tier. */
export async function makeProbePairs(platform: Platform): Promise<ProbePair[]> {
  return Promise.all(
    TIERS.map(async (tier) => {
      const [attacker, victim] = [freshId('attacker'), freshId('victim')];
      for (const id of [attacker, victim]) {
        expect((await platform.api().create({ tenant_id: id, tier })).status).toBe(202);
      }
      for (const id of [attacker, victim]) await platform.api().untilStatus(id);
      const [readWrite, readOnly] = [
        await waitFor(() => loginOf(platform.stack, victim), { what: `the login of ${victim}` }),
        await loginOf(platform.stack, victim, 'readonly'),
      ];
      const passwords = { 'read-write': readWrite.password, 'read-only': readOnly.password };
      const { host = '', port = 0 } = platform.stack.postgres ?? {};
      return { tier, attacker, victim: await plant(directParty({ tenantId: victim, tier, host, port, passwords })) };
    }),
  );
}

/** A tenant by way of a gateway that knows it. */
export async function throughGateway(platform: Platform, gateway: RunningService, tenantId: string, tier: Tier): Promise<Party> {
  const tokens = {
    'read-write': await platform.tenantToken({ tenantId }),
    'read-only': await platform.tenantToken({ tenantId, readonly: true }),
  };
  const party = gatewayParty({ tenantId, tier, url: gateway.url, tokens });
  const session = await party.open('read-write');
  await waitFor(
    async () => (await session.run({ form: 'simple', statements: [{ sql: 'select 1', params: [] }] })).code === undefined,
    {
      what: `the gateway to know ${tenantId}`,
    },
  );
  return party;
}
