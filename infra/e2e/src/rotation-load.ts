import { waitFor } from '@ultracore/testkit';
import { clientOf, type GatewayClient } from './gateway.ts';
import { loginOf, withClient, type Login } from './homes.ts';
import type { LoadTenant } from './mixed-load.ts';
import type { Platform, RunningService } from './platform.ts';

/** What came of queries that ran while something was done to their tenants. */
export interface LoadReport {
  readonly requests: number;
  /** Everything but a good answer, as `<status> <code>`. */
  readonly failures: readonly string[];
}

export interface RunningLoad extends AsyncDisposable {
  /** Lets every client finish what it has asked, and says how it went. */
  stop(): Promise<LoadReport>;
  /** Requests answered until now. */
  answered(): number;
}

const WRITE = `insert into clients (kind, family_name) values ('person', 'Load')`;

/** What a client asks in turn: both lanes, both logins, a write, a transaction, a stream. */
const ASKS: readonly ((sql: GatewayClient) => Promise<string | undefined>)[] = [
  async (sql) => faultOf(await sql.query('select count(*)::int from clients')),
  async (sql) => faultOf(await sql.query('select 1', [], { readonly: true })),
  async (sql) => faultOf(await sql.query(WRITE)),
  async (sql) => faultOf(await sql.transaction([{ sql: WRITE }, { sql: 'select count(*) from clients' }])),
  async (sql) => {
    const lines = await sql.stream('select * from generate_series(1, 50)');
    return lines.at(-1)?.['row_count'] === 50 ? undefined : `stream ${JSON.stringify(lines.at(-1))}`;
  },
];

const faultOf = ({ status, body }: { status: number; body: Record<string, unknown> }): string | undefined =>
  status === 200 ? undefined : `${status} ${String(body['code'])} ${String(body['detail'])}`;

/** Clients that ask through the gateways without a pause, each about one tenant after the other, until they are stopped. */
export function startLoad(
  gateways: readonly Pick<RunningService, 'url'>[],
  tenants: readonly LoadTenant[],
  clients: number,
): RunningLoad {
  const failures: string[] = [];
  let requests = 0;
  const stopping = new AbortController();
  const ask = async (client: number): Promise<void> => {
    for (let turn = client; !stopping.signal.aborted; turn += 1) {
      const gateway = gateways[turn % gateways.length];
      const tenant = tenants[turn % tenants.length];
      const question = ASKS[(turn + client) % ASKS.length];
      if (gateway === undefined || tenant === undefined || question === undefined) throw new TypeError('There is nobody to ask.');
      try {
        const fault = await question(clientOf(gateway, tenant.token));
        if (fault !== undefined) failures.push(`${tenant.id}: ${fault}`);
      } catch (error) {
        failures.push(`${tenant.id}: ${String(error)}`);
      }
      requests += 1;
    }
  };
  const running = Array.from({ length: clients }, (_, client) => ask(client));
  const stop = async (): Promise<LoadReport> => {
    stopping.abort();
    await Promise.all(running);
    return { requests, failures };
  };
  return { stop, answered: () => requests, [Symbol.asyncDispose]: async () => void (await stop()) };
}

const LOGINS = ['readwrite', 'readonly'] as const;

/**
 * Rotates one tenant's passwords `times` times, each after the one before is done. Answers what is wrong: logins that still take an
 * old password, or do not take the new one.
 */
export async function rotateAgainAndAgain(platform: Platform, tenantId: string, times: number): Promise<string[]> {
  const { stack } = platform;
  const faults: string[] = [];
  const loginsNow = () => Promise.all(LOGINS.map((login) => loginOf(stack, tenantId, login)));
  let before = await loginsNow();
  for (let time = 0; time < times; time += 1) {
    await rotateOnce(platform, tenantId);
    for (const login of before)
      if ((await loginFault(platform, login)) !== '28P01') faults.push(`${login.user} takes an old password`);
    const old = before;
    // The read model may be a moment behind the stream.
    before = await waitFor(
      async () => {
        const now = await loginsNow();
        return now.every((login, n) => login.password !== old[n]?.password) ? now : undefined;
      },
      { what: `the new passwords of ${tenantId} in the read model`, deadlineMs: 60_000 },
    );
    for (const login of before)
      if ((await loginFault(platform, login)) !== undefined) faults.push(`${login.user} does not take its password`);
  }
  return faults;
}

async function rotateOnce(platform: Platform, tenantId: string): Promise<void> {
  const path = `/v1/tenants/${tenantId}`;
  const asked = await platform.api().request('POST', `${path}/rotate`, { body: { reason: 'because' } });
  if (asked.status !== 202) throw new Error(`${asked.status} ${asked.text}`);
  await waitFor(
    async () => {
      const { requests } = (await platform.api().get(tenantId)).body as { requests?: { rotate?: { outcome?: string } } };
      const outcome = requests?.rotate?.outcome;
      if (outcome === 'failed') throw new Error(`The rotation of ${tenantId} failed.`);
      return outcome === 'done';
    },
    { what: `the rotation of ${tenantId}`, deadlineMs: 600_000, everyMs: 50 },
  );
}

/** What Postgres says to a login: nothing, or the code of its refusal. */
export async function loginFault({ stack }: Pick<Platform, 'stack'>, login: Login): Promise<string | undefined> {
  try {
    await withClient({ stack, ...login }, (client) => client.query('select 1'));
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
