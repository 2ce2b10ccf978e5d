import { waitFor } from '@ultracore/testkit';
import { expect } from 'vitest';
import type { Answer } from './api.ts';
import type { Tier } from './homes.ts';
import { createPlatform, type Platform, type RunningService } from './platform.ts';
import { freshId } from './tenants.ts';

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type More = Readonly<Record<string, unknown>>;

export interface GatewayStatement {
  readonly sql: string;
  readonly params?: readonly unknown[];
}

/** A gateway as the bearer of one token sees it. */
export interface GatewayClient {
  query(sql: string, params?: readonly unknown[], more?: More, ask?: Ask): Promise<Answer>;
  transaction(statements: readonly GatewayStatement[], more?: More): Promise<Answer>;
  /** The first value of the first row; throws what else came. */
  value(sql: string, params?: readonly unknown[]): Promise<unknown>;
  /** A streamed answer with its body unread. */
  open(sql: string, more?: More, ask?: Ask): Promise<Response>;
  /** The lines of a streamed answer. */
  stream(sql: string, more?: More): Promise<Record<string, unknown>[]>;
  /** Any request. */
  send(path: string, body: unknown, ask?: Ask): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

const NDJSON = { accept: 'application/x-ndjson' };

export function clientOf(
  gateway: Pick<RunningService, 'url'>,
  token: string | undefined,
  headers: Ask['headers'] = {},
): GatewayClient {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const fetchFrom = (path: string, body: unknown, ask: Ask = {}) =>
    fetch(new URL(path, gateway.url), {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json', ...headers, ...ask.headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
  const send: GatewayClient['send'] = async (path, body, ask) => read(await fetchFrom(path, body, ask));
  const query: GatewayClient['query'] = (sql, params, more, ask) =>
    send('/v1/query', { sql, ...(params === undefined ? {} : { params }), ...more }, ask);
  const open: GatewayClient['open'] = (sql, more, ask) =>
    fetchFrom('/v1/query', { sql, ...more }, { ...ask, headers: { ...NDJSON, ...ask?.headers } });
  return {
    send,
    query,
    open,
    transaction: (statements, more) => send('/v1/transaction', { statements, ...more }),
    async value(sql, params) {
      const { status, body, text } = await query(sql, params, { row_mode: 'array' });
      if (status !== 200) throw new Error(`${status} ${text}`);
      return (body['rows'] as unknown[][])[0]?.[0];
    },
    async stream(sql, more) {
      const response = await open(sql, more);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    get: async (path) => read(await fetch(new URL(path, gateway.url), { headers: { ...authorization, ...headers } })),
  };
}

/** An answer with its body read. */
export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  try {
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, unknown>, text };
  } catch {
    return { status: response.status, headers: response.headers, body: {}, text };
  }
}

export interface GatewayTenant {
  readonly id: string;
  readonly tier: Tier;
  /** With a token of the tenant. */
  readonly sql: GatewayClient;
}

export interface GatewayRig extends AsyncDisposable {
  readonly platform: Platform;
  readonly gateway: RunningService;
  /** One tenant of each tier that was asked for, active. */
  tenant(tier: Tier): GatewayTenant;
}

/** A platform with one gateway and active tenants. */
export async function startGatewayRig(tiers: readonly Tier[], env: Readonly<Record<string, string>> = {}): Promise<GatewayRig> {
  const platform = await createPlatform();
  try {
    return await startOn(platform, tiers, env);
  } catch (error) {
    await platform[Symbol.asyncDispose]();
    throw error;
  }
}

async function startOn(platform: Platform, tiers: readonly Tier[], env: Readonly<Record<string, string>>): Promise<GatewayRig> {
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  const [gateway, ...tenants] = await Promise.all([
    platform.start('pool-gateway', { env }),
    ...tiers.map((tier) => createTenant(platform, tier)),
  ]);
  const clients = await Promise.all(
    tenants.map(async ({ id, tier }) => {
      const sql = clientOf(gateway, await platform.tenantToken({ tenantId: id }));
      await waitFor(async () => (await sql.query('select 1')).status === 200, { what: `the gateway to know ${id}` });
      return { id, tier, sql };
    }),
  );
  return {
    platform,
    gateway,
    tenant(tier) {
      const found = clients.find((tenant) => tenant.tier === tier);
      if (found === undefined) throw new Error(`The rig has no tenant of tier ${tier}.`);
      return found;
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
}

async function createTenant(platform: Platform, tier: Tier): Promise<{ id: string; tier: Tier }> {
  const id = freshId('gw');
  expect((await platform.api().create({ tenant_id: id, tier })).status).toBe(202);
  await platform.api().untilStatus(id);
  return { id, tier };
}
