import { randomUUID } from 'node:crypto';
import type { DirectoryRow, GrantRole, TenantStatus } from '@ultracore/contracts';
import { createKeyRing } from '@ultracore/credentials';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directoryRows, publishGarbage, publishRow } from '../src/directory.ts';
import { clientOf, startGatewayRig, type GatewayClient, type GatewayRig } from '../src/gateway.ts';
import { sessionsOf } from '../src/sessions.ts';

let rig: GatewayRig;
let id: string;
let sql: GatewayClient;
let row: DirectoryRow;
beforeAll(async () => {
  rig = await startGatewayRig(['standard', 'small']);
  // It would make Postgres match what this file only says.
  await Promise.all(rig.platform.running('provisioning-worker').map((worker) => worker.stop()));
  ({ id, sql } = rig.tenant('standard'));
  const found = (await directoryRows(rig.platform.stack, [id])).get(id);
  if (found === undefined) throw new Error(`${id} is not in the directory.`);
  row = found;
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** The registry says something new of the tenant. */
async function say(changes: Partial<DirectoryRow>): Promise<void> {
  row = { ...row, ...changes, revision: row.revision + 1, updated_at: new Date().toISOString() };
  await publishRow(rig.platform.stack, row);
}

const is = (status: TenantStatus) => say({ status });
const grantsOf = (...grants: [string, GrantRole][]) => ({ grants: grants.map(([user, role]) => ({ user_id: user, role })) });
const grant = (...grants: [string, GrantRole][]) => say(grantsOf(...grants));

const told = async (client: GatewayClient, text = 'select 1') => {
  const { status, body } = await client.query(text);
  return { status, code: body['code'] };
};
const untilTold = (client: GatewayClient, status: number, code?: string) =>
  waitFor(
    async () => {
      const answer = await told(client);
      if (answer.status === status && answer.code === code) return true;
      throw new Error(JSON.stringify(answer));
    },
    { what: `the gateway to answer ${status} ${code}`, deadlineMs: 10_000 },
  );

const user = async (subject: string, claims: Record<string, unknown> = {}, tenant = id) =>
  clientOf(rig.gateway, await rig.platform.userToken(subject, claims), { 'x-ultracore-tenant-id': tenant });

const WRITE = `insert into clients (kind, given_name, family_name) values ('person', 'By', 'Grant')`;

describe('a user without a tenant in the token', () => {
  const WHO = 'select session_user as login';

  test('runs SQL by its grant, by subject or proven address, and no longer than it has it', async () => {
    await grant(['ann', 'analyst'], ['dan@acme.example', 'developer']);
    const [ann, dan, liar] = await Promise.all([
      user('ann'),
      user('u-7', { email: 'dan@acme.example', email_verified: true }),
      user('u-8', { email: 'dan@acme.example', email_verified: false }),
    ]);
    await untilTold(ann, 200);
    const login = `uc_${id.replaceAll('-', '_')}`;
    expect(await ann.value(WHO)).toBe(`${login}__ro`);
    expect(await dan.value(WHO)).toBe(login);
    expect(await told(liar)).toEqual({ status: 403, code: 'tenant_forbidden' });
    expect((await dan.query(WRITE)).status).toBe(200);
    for (const more of [{}, { readonly: false }]) {
      expect((await ann.query(WRITE, [], more)).body).toMatchObject({ status: 403, sqlstate: '42501' });
    }
    const transaction = await ann.transaction([{ sql: WRITE }], { readonly: false });
    expect(transaction.body).toMatchObject({ status: 403, sqlstate: '42501', statement: 0 });
    await grant(['ann', 'analyst']);
    await untilTold(dan, 403, 'tenant_forbidden');
    expect(await told(ann)).toEqual({ status: 200, code: undefined });
  });

  test('cannot tell a tenant that it has no right to from one that is not there', async () => {
    const answers = await Promise.all(
      [id, rig.tenant('small').id, 'no-such-tenant'].map(async (tenant) => {
        const answer = await (await user('stranger', {}, tenant)).query('select 1');
        const { instance: _instance, request_id: _request, ...rest } = answer.body;
        return { status: answer.status, ...rest };
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 403, code: 'tenant_forbidden' });
  });

  test('is not helped by a role of the platform', async () => {
    for (const token of Object.values(rig.platform.tokens)) {
      expect(await told(clientOf(rig.gateway, token, { 'x-ultracore-tenant-id': id }))).toEqual({
        status: 403,
        code: 'tenant_forbidden',
      });
    }
  });
});

describe('a user whose right is taken away', () => {
  const FOREVER = 'select pg_sleep(60)';
  const ENDLESS = `select generate_series(1, 1000000000) as n, repeat('x', 1000) as filler`;

  const asTenantUser = async (subject: string) =>
    clientOf(rig.gateway, await rig.platform.tenantToken({ tenantId: id, subject }));

  test.each<[string, Partial<DirectoryRow>, number, string | undefined]>([
    ['revoked', { grants: [], revoked_user_ids: ['eve'] }, 403, 'tenant_forbidden'],
    ['narrowed to reading', grantsOf(['eve', 'analyst']), 200, undefined],
  ])('by a grant that is %s: what runs and streams for it ends, and nothing of others', async (_, change, status, code) => {
    await say({ ...grantsOf(['eve', 'developer']), revoked_user_ids: [] });
    const [eve, token] = await Promise.all([user('eve'), asTenantUser('eve')]);
    await untilTold(eve, 200);
    const stream = await token.open(ENDLESS, { timeout_ms: 60_000 });
    const reader = stream.body?.getReader();
    await reader?.read();
    const others = sql.query('select pg_sleep(3)::text as slept');
    const running = Promise.all([eve.query(FOREVER), token.query(FOREVER), token.transaction([{ sql: FOREVER }])]);
    const count = async () => (await sessionsOf(rig.platform.stack, id)).filter(({ query }) => query === FOREVER).length;
    await waitFor(async () => (await count()) === 3, { what: 'the statements to run' });
    await say(change);
    // A sleep alone might have changed something; a transaction has not.
    const codes = (await running).map(({ body }) => body['code']);
    expect(codes).toEqual(['outcome_unknown', 'outcome_unknown', 'access_revoked']);
    const rest: Uint8Array[] = [];
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) rest.push(chunk.value);
    const last = Buffer.concat(rest).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { code: 'access_revoked' } });
    await waitFor(async () => (await count()) === 0, { what: 'nothing to run any more', deadlineMs: 10_000 });
    expect((await others).status).toBe(200);
    // The claim of the tenant in the token does not bring it back.
    for (const each of [eve, token]) expect(await told(each)).toEqual({ status, code });
    expect((await token.query(WRITE)).status).toBe(403);
  });

  test('gets it back with another grant', async () => {
    const token = await asTenantUser('eve');
    await say({ ...grantsOf(['eve', 'developer']), revoked_user_ids: [] });
    await untilTold(token, 200);
    expect((await token.query(WRITE)).status).toBe(200);
  });
});

describe('a token', () => {
  test('of a tenant does not become another’s by a header, and the attempt is logged', async () => {
    const token = await rig.platform.tenantToken({ tenantId: id });
    const other = clientOf(rig.gateway, token, { 'x-ultracore-tenant-id': rig.tenant('small').id });
    expect(await told(other)).toEqual({ status: 403, code: 'tenant_mismatch' });
    await waitFor(() => rig.gateway.output().includes('tenant_mismatch'), { what: 'the log of the attempt' });
  });

  test('that was issued for reading only reads', async () => {
    const reader = clientOf(rig.gateway, await rig.platform.tenantToken({ tenantId: id, readonly: true }));
    expect(await reader.value('select session_user')).toMatch(/__ro$/);
  });

  test.each(['', 'Bearer', 'not-a-token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwidGVuYW50X2lkIjoiYSJ9.'])(
    '%j is none',
    async (token) => {
      expect((await clientOf(rig.gateway, token).query('select 1')).status).toBe(401);
    },
  );
});

describe('a tenant that is not active any more', () => {
  test.each([
    ['suspended', 403, 'tenant_suspended'],
    ['terminated', 409, 'tenant_not_active'],
  ] as const)(
    'because it is %s has what runs cancelled, is refused, and runs again when it is active',
    async (status, http, code) => {
      // Nothing else ends it within this test: not itself, nor its deadline.
      const FOREVER = 'select pg_sleep(250)';
      const more = { timeout_ms: 250_000 };
      const isRunning = async () => (await sessionsOf(rig.platform.stack, id)).some(({ query }) => query === FOREVER);
      const running = Promise.all([sql.query(FOREVER, [], more), sql.transaction([{ sql: FOREVER }], more)]);
      await waitFor(isRunning, { what: 'the statements to run' });
      await is(status);
      for (const answer of await running) {
        expect({ status: answer.status, code: answer.body['code'] }).toEqual({ status: 409, code: 'tenant_not_active' });
      }
      await waitFor(async () => (await sessionsOf(rig.platform.stack, id)).length === 0, {
        what: 'no connection to be left',
        deadlineMs: 10_000,
      });
      expect(await told(sql)).toEqual({ status: http, code });
      expect(await told(rig.tenant('small').sql)).toEqual({ status: 200, code: undefined });
      await is('active');
      await untilTold(sql, 200);
    },
  );

  test('has its streams ended with a line that says so', async () => {
    const response = await sql.open(`select generate_series(1, 1000000000) as n, repeat('x', 1000) as filler`, {
      timeout_ms: 60_000,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    await is('suspended');
    const rest: Uint8Array[] = [];
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) rest.push(chunk.value);
    const last = Buffer.concat(rest).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { code: 'tenant_not_active' } });
    await is('active');
    await untilTold(sql, 200);
  });
});

describe('a row that cannot be read', () => {
  test('has its tenant refused, and no other, until a good one comes', async () => {
    await publishGarbage(rig.platform.stack, id);
    await untilTold(sql, 503, 'tenant_unreadable');
    expect(await told(rig.tenant('small').sql)).toEqual({ status: 200, code: undefined });
    await say({});
    await untilTold(sql, 200);
  });

  test('is also one whose credential is sealed with a key that the gateway does not have', async () => {
    const { credential } = row;
    if (credential === null) throw new Error('The tenant has no credential.');
    await say({
      credential: {
        ...credential,
        // Of another request: of the same one the gateway would know the password.
        request_id: randomUUID(),
        db_password_encrypted: credential.db_password_encrypted.replace('v1.k1.', 'v1.k9.'),
      },
    });
    await untilTold(sql, 503, 'tenant_unreadable');
    await say({ credential });
    await untilTold(sql, 200);
    expect(await sql.value('select session_user')).toBe(credential.db_username);
  });
});

describe('a credential that is being changed', () => {
  test('is tried in both forms: the one in force, then the one to come', async () => {
    const { credential } = row;
    if (credential === null) throw new Error('The tenant has no credential.');
    const keyRing = await createKeyRing({ masterPassword: rig.platform.stack.master_password, keyId: 'k1' });
    const sealed = keyRing.seal({ tenantId: id, role: credential.db_username, password: 'not-in-force-any-more' });
    const wrong = { ...credential, db_password_encrypted: sealed };
    // Without a connection left.
    await is('suspended');
    await untilTold(sql, 403, 'tenant_suspended');
    await say({ status: 'active', credential: wrong, next_credential: credential });
    await untilTold(sql, 200);
    expect(await sql.value('select session_user')).toBe(credential.db_username);
    await say({ credential, next_credential: null });
  });
});
