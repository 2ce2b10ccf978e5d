import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SpawnedProcess, spawnProcess, waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../src/options.ts';
import { readStack, type Stack } from '../src/stack-file.ts';

const SRC = join(import.meta.dirname, '../src');
let dataDir: string;
let launcher: SpawnedProcess;
let stack: Stack;

const program = (name: string, ...args: string[]) =>
  spawnProcess(['node', join(SRC, `${name}.ts`), '--data-dir', dataDir, ...args]);

async function outcome(process_: SpawnedProcess): Promise<{ code: number | null; output: string }> {
  const { code } = await process_.exited;
  return { code, output: process_.output() };
}

const asTenant = async (...args: string[]) => outcome(await program('as-tenant', ...args));

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'ultracore-platform-'));
  launcher = await program('start', '--free-ports');
  await waitFor(() => existsSync(join(dataDir, 'stack.json')) || !launcher.isAlive(), {
    what: 'the platform to be ready',
    deadlineMs: 120_000,
  });
  if (!launcher.isAlive()) throw new Error(launcher.output());
  stack = readStack(dataDir);
});
afterAll(async () => {
  await launcher?.stop(60_000);
  rmSync(dataDir, { recursive: true, force: true });
});

describe('npm start', () => {
  test('says how long it took to be ready, and uses less than 3 GiB', async () => {
    await waitFor(() => launcher.output().includes('UltraCore is ready'), { what: 'the summary' });
    const [, seconds, memory] = /ready after ([\d.]+) s with ([\d.]+) GiB/.exec(launcher.output()) ?? [];
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(memory)).toBeLessThan(3);
  });

  test('keeps its secrets where only their owner can read them, and out of its logs', () => {
    for (const file of ['secrets.json', 'stack.json']) expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
    const secrets = [
      stack.master_password,
      stack.postgres?.password,
      stack.postgres_admin?.password,
      ...Object.values(stack.kafka_principals ?? {}).map(({ password }) => password),
    ];
    for (const log of Object.values(stack.log_files)) {
      const written = readFileSync(log, 'utf8');
      expect(secrets.filter((secret) => secret !== undefined && written.includes(secret))).toEqual([]);
    }
  });

  test('lets the services know each other only by the roles they have', async () => {
    const url = stack.service_urls['registry'] ?? '';
    expect((await fetch(`${url}/v1/tenants`)).status).toBe(401);
    const as = (role: 'operator' | 'auditor' | 'creator') =>
      fetch(`${stack.edge_url}/v1/tenants`, { headers: { authorization: `Bearer ${stack.tokens?.[role]}` } }).then(
        ({ status }) => status,
      );
    expect([await as('operator'), await as('auditor'), await as('creator')]).toEqual([200, 200, 403]);
  });

  test('starts a service again that dies, and the edge serves it again', async () => {
    process.kill(stack.pids['registry'] ?? 0, 'SIGKILL');
    await waitFor(() => readStack(dataDir).pids['registry'] !== stack.pids['registry'], {
      what: 'another registry',
      deadlineMs: 30_000,
    });
    const answer = () => fetch(`${stack.edge_url}/-/registry/readyz`).then(({ status }) => status);
    await expect.poll(answer, { timeout: 60_000 }).toBe(200);
  });
});

describe('npm run demo', () => {
  test('onboards three firms, loads their portfolios, and shows that none gets at the others', async () => {
    const { code, output } = await outcome(await program('demo'));
    expect(output).toContain("as expected: every firm reads its own data, and all 18 attempts on others' were refused");
    expect(output.match(/TenantActivatedEvent/g)).toHaveLength(3);
    expect(output.match(/\d+ clients of its own; about \S+: refused 403 tenant_mismatch/g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  test('shows it again on the same data, and leaves a platform running that was', async () => {
    const { code, output } = await outcome(await program('demo'));
    expect(output.match(/was onboarded by an earlier demo/g)).toHaveLength(3);
    expect(output).toContain('everything was there already');
    expect(code).toBe(0);
    expect(launcher.isAlive()).toBe(true);
  });
});

describe('npm run as-tenant', () => {
  test("runs SQL as the tenant's own login and shows what Postgres answers", async () => {
    const { code, output } = await asTenant('small-003', '-c', 'select session_user, count(*) from clients');
    expect(output).toBe('session_user  count\n────────────  ─────\nuc_small_003      5\n(1 row)\n');
    expect(code).toBe(0);
  });

  test("an error is Postgres's own, with exit code 1", async () => {
    const { code, output } = await asTenant('standard-002', '--readonly', '-c', 'delete from clients');
    expect(output).toContain('ERROR 42501: permission denied for table clients');
    expect(code).toBe(1);
  });

  test("prints a URL that one's own tools can use", async () => {
    const { output } = await asTenant('enterprise-001', '--url');
    const client = new Client({ connectionString: output.trim() });
    await client.connect();
    try {
      expect((await client.query('select current_database() as name')).rows).toEqual([{ name: 'ultracore_enterprise_001' }]);
    } finally {
      await client.end();
    }
  });

  test('a tenant that is not there is one sentence', async () => {
    const { code, output } = await asTenant('nobody', '-c', 'select 1');
    expect(output).toMatch(/^✘ There is no tenant nobody\. Some that there are: .*small-003/);
    expect(code).toBe(1);
  });
});

test('npm run rebuild re-creates the read model from the streams', async () => {
  const rebuild = await spawnProcess(['node', join(SRC, 'rebuild.ts')], { env: { ULTRACORE_DATA_DIR: dataDir } });
  const { code, output } = await outcome(rebuild);
  expect(output).toMatch(/tenant_configs rebuilt: 3 rows from \d+ events/);
  expect(code).toBe(0);
});

describe('the README', () => {
  const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block.trim(),
  );
  /** What other tests run: this suite is `npm test`, and the demo has its own above. */
  const elsewhere = ['npm run demo', 'npm test'];

  test('shows commands that do what it says, one after the other', async () => {
    const shown = blocks.filter((block) => !elsewhere.includes(block));
    expect(shown.length).toBeGreaterThanOrEqual(3);
    const [create = '', ...rest] = shown;
    const query = rest.find((block) => block.includes('/v1/query')) ?? '';
    // The gateway hears of the tenant by Kafka, a moment after it is active.
    const untilServed =
      'until curl -sS http://127.0.0.1:8080/v1/query -H "Authorization: Bearer $ACME" -H "Content-Type: application/json" -d \'{"sql":"select 1"}\' | grep -q row_count; do sleep 0.2; done';
    const [token = ''] = query.split('\n', 1);
    const untilActive =
      'until curl -sS http://127.0.0.1:8080/v1/tenants/acme-wealth -H "Authorization: Bearer $TOKEN" | grep -q \'"status":"active"\'; do sleep 0.2; done';
    const script = ['set -euo pipefail', create, untilActive, token, untilServed, ...rest]
      .join('\n')
      .replaceAll('http://127.0.0.1:8080', String(stack.edge_url))
      .replaceAll('./.local/stack.json', join(dataDir, 'stack.json'));
    const shell = await spawnProcess(['bash', '-c', script], { cwd: ROOT, env: { ULTRACORE_DATA_DIR: dataDir } });
    const { code, output } = await outcome(shell);
    expect(code, output).toBe(0);
    expect(output).toMatch(/HTTP\/1\.1 202 Accepted/);
    expect(output).toMatch(/location: \/v1\/tenants\/acme-wealth/i);
    expect(output).toMatch(/TenantActivatedEvent/);
    expect(output).toMatch(/uc_acme_wealth__ro +1\b/);
    expect(output).toMatch(/postgres:\/\/uc_acme_wealth:/);
    expect(output).toContain('"rows":[{"given_name":"Ada","family_name":"Sample",');
    expect(output).toMatch(/"command":"INSERT"\},.*"rows":\[\{"count":"2"\}\]/);
    expect(output).toContain('"code":"statement_refused"');
    expect(output).toContain('"tenant_id":"acme-wealth"');
    for (const status of ['suspended', 'terminated']) expect(output).toContain(`"status":"${status}"`);
    expect(output).toMatch(/"waves":\[\{"wave":0,/);
  });
});

test('Ctrl-C stops the edge, then the services, then the backends that they need', async () => {
  launcher.kill('SIGINT');
  const { code, output } = await outcome(launcher);
  const stopped = [...output.matchAll(/✔ (\S+) +stopped/g)].map(([, name]) => name);
  expect(stopped).toEqual([
    'edge',
    'pool-gateway',
    'provisioning-worker',
    'registry',
    'eventstore',
    'schema-registry',
    'postgres',
    'kafka',
  ]);
  expect(code).toBe(0);
});
