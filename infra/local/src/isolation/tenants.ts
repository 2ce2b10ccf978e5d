import { setTimeout as sleep } from 'node:timers/promises';
import { directParty, gatewayParty, type Party, type Route } from '@ultracore/isolation-probes';
import type { Tier } from '@ultracore/contracts';
import { type Api, createApi } from '../demo/api.ts';
import { LauncherError } from '../errors.ts';
import { issueTenantToken } from '../identity.ts';
import type { Secrets } from '../secrets.ts';
import type { Stack } from '../stack-file.ts';
import { openTenantLogin } from '../tenant-login.ts';
import type { Pair } from './options.ts';

const READY_WITHIN_MS = 120_000;

/** Always the same: a run finds the tenants of the one before, so that no number of runs fills the platform. */
const throwawayPair = (tier: Tier): Pair => ({ attacker: `probe-${tier}-attacker`, victim: `probe-${tier}-victim` });

export interface ProbeTenant {
  readonly tenantId: string;
  readonly tier: Tier;
  readonly database: string;
  readonly tokens: { readonly 'read-write': string; readonly 'read-only': string };
  party(route: Route): Party;
}

export type Pairs = Readonly<Record<Tier, { readonly attacker: ProbeTenant; readonly victim: ProbeTenant }>>;

/** A pair of active tenants in every tier, made where they were not given, and known to the gateway. */
export async function openPairs(stack: Stack, secrets: Secrets, given: Readonly<Partial<Record<Tier, Pair>>>): Promise<Pairs> {
  const api = createApi(stack);
  const open = async (tier: Tier) => {
    const pair = given[tier] ?? throwawayPair(tier);
    if (given[tier] === undefined) await Promise.all([pair.attacker, pair.victim].map((id) => onboard(api, id, tier)));
    const [attacker, victim] = await Promise.all([pair.attacker, pair.victim].map((id) => openTenant(stack, secrets, id, tier)));
    if (attacker === undefined || victim === undefined) throw new LauncherError('unknown_tenant', `No pair of tier ${tier}.`);
    return { attacker, victim };
  };
  const [enterprise, standard, small] = await Promise.all([open('enterprise'), open('standard'), open('small')]);
  return { enterprise, standard, small };
}

async function onboard(api: Api, tenantId: string, tier: Tier): Promise<void> {
  if (!(await api.exists(tenantId))) {
    const tenant = {
      tenant_id: tenantId,
      tenant_name: `Isolation probes (${tier})`,
      tier,
      owner_email: 'probes@ultracore.local',
    };
    await api.create(tenant, `verify-isolation ${tenantId}`);
  }
  await until(`${tenantId} to be active`, async () => (await api.get(tenantId)).status === 'active');
}

async function openTenant(stack: Stack, secrets: Secrets, tenantId: string, tier: Tier): Promise<ProbeTenant> {
  const login = await until(`the login of ${tenantId}`, () => openTenantLogin(stack, tenantId));
  if (login.tier !== tier) throw new LauncherError('bad_option', `Tenant ${tenantId} is ${login.tier}, not ${tier}.`);
  const readOnly = await openTenantLogin(stack, tenantId, { readonly: true });
  const tokens = {
    'read-write': await issueTenantToken(secrets, { tenantId }),
    'read-only': await issueTenantToken(secrets, { tenantId, readonly: true }),
  };
  const url = stack.edge_url ?? '';
  const parties: Readonly<Record<Route, Party>> = {
    direct: directParty({
      tenantId,
      tier,
      host: login.host,
      port: login.port,
      passwords: { 'read-write': login.password, 'read-only': readOnly.password },
    }),
    gateway: gatewayParty({ tenantId, tier, url, tokens }),
  };
  await until(`the gateway to know ${tenantId}`, async () => {
    const session = await parties.gateway.open('read-only');
    const reply = await session.run({ form: 'simple', statements: [{ sql: 'select 1', params: [] }] });
    if (reply.code !== undefined) throw new LauncherError('service_failed', `${reply.code}: ${reply.message ?? ''}`);
    return true;
  });
  return { tenantId, tier, database: login.database, tokens, party: (route) => parties[route] };
}

/** Asks again while the answer is no, or an error that time may mend. */
async function until<T>(what: string, ask: () => Promise<T | false>): Promise<T> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false) return answer;
      if (performance.now() > deadline) throw new LauncherError('service_failed', `Waited in vain for ${what}.`);
    } catch (error) {
      const lasting = error instanceof LauncherError && (error.code === 'bad_option' || error.code === 'not_running');
      if (lasting || performance.now() > deadline) throw error;
    }
    await sleep(200);
  }
}
