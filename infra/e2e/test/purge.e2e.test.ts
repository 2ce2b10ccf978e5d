import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOPICS } from '@ultracore/contracts';
import { createKeyRing } from '@ultracore/credentials';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayRig, type GatewayRig } from '../src/gateway.ts';
import { loginOf, withClient, type Login } from '../src/homes.ts';
import { loginFault, rotateAgainAndAgain } from '../src/rotation-load.ts';
import { findTraces } from '../src/traces.ts';
import { readTopic, withRawProducer } from '../src/topics.ts';

const TIERS = ['enterprise', 'standard', 'small'] as const;
/** Of an empty table Postgres takes no statistics: there is always somebody else in the shared ones. */
const NEIGHBOUR = 'neighbour-who-stays';
const newWord = () => `mark${randomBytes(8).toString('hex')}`;
const WORDS = { enterprise: newWord(), standard: newWord(), small: newWord() } as const;

let rig: GatewayRig;
const folder = mkdtempSync(join(tmpdir(), 'ultracore-purge-'));
beforeAll(async () => {
  rig = await startGatewayRig(TIERS);
});
afterAll(async () => {
  if (rig !== undefined) await asSuperuser('ultracore_shared', `delete from app.clients where tenant_id = '${NEIGHBOUR}'`);
  await rig?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Logs of the services of this test, and of everything that the launcher has started. */
function logFiles(): string[] {
  const { platform } = rig;
  const mine = (['registry', 'provisioning-worker', 'pool-gateway'] as const).flatMap((name) =>
    platform.running(name).flatMap(({ logFile }) => logFile ?? []),
  );
  const planted = readdirSync(folder).map((name) => join(folder, name));
  return [...mine, ...Object.values(platform.stack.log_files), ...planted];
}
const tracesOf = (tenantIds: readonly string[], words: readonly string[]) =>
  findTraces({ stack: rig.platform.stack, logFiles: logFiles() }, { tenantIds, words });

const asSuperuser = (database: string, sql: string) =>
  withClient({ stack: rig.platform.stack, database }, (client) => client.query(sql));

/** Every login that the log still has in sealed form. */
async function loginsInLog(tenantId: string): Promise<Login[]> {
  const { stack } = rig.platform;
  const ring = await createKeyRing({ masterPassword: stack.master_password, keyId: stack.master_key.key_id });
  const database = (user: string) => (user.endsWith('__ro') ? 'ultracore_shared' : 'postgres');
  return (await readTopic(stack, TOPICS.security)).flatMap(({ key, body }) => {
    if (key !== tenantId || typeof body?.['db_password_encrypted'] !== 'string') return [];
    return ['', 'readonly_'].map((prefix) => {
      const user = String(body[`${prefix}db_username`]);
      const sealed = String(body[`${prefix}db_password_encrypted`]);
      return { user, database: database(user), password: ring.open({ tenantId, role: user, sealed }) };
    });
  });
}

async function use(tier: (typeof TIERS)[number]): Promise<void> {
  const { sql } = rig.tenant(tier);
  const word = WORDS[tier];
  const insert = `insert into clients (kind, given_name, family_name, external_reference) values ('person', $1, '${word}', $1)`;
  for (let row = 0; row < 40; row += 1) expect((await sql.query(insert, [`${word}-${row % 3}-${row}`])).status).toBe(200);
  expect(
    (await sql.transaction([{ sql: `update clients set given_name = '${word}'` }, { sql: 'select * from clients' }])).status,
  ).toBe(200);
  if (tier === 'enterprise') {
    expect((await sql.query(`create table own.${word} (note text default '${word}')`)).status).toBe(200);
    expect((await sql.query(`comment on table own.${word} is 'of ${word}'`)).status).toBe(200);
  }
}

/** What an operator does to be rid of a tenant. */
async function purge(id: string): Promise<void> {
  const api = rig.platform.api();
  const ask = async (path: string, body: object) =>
    expect((await api.request('POST', `/v1/tenants/${id}${path}`, { body: { reason: 'because', ...body } })).status).toBe(202);
  await ask('/terminate', { data_retention_days: 30 });
  await ask('/purge', { confirm: id, before_retention_ends: true });
  await api.untilStatus(id, ['purged'], 120_000);
}

const sayInTopic = (word: string) =>
  withRawProducer(rig.platform.stack, 'admin', async (producer) => {
    await producer.send({ topic: `${TOPICS.requests}.dlq`, messages: [{ key: PLANTED_ID, value: word }] });
  });

const PLANTED_WORD = newWord();
const PLANTED_ID = `planted-${PLANTED_WORD.slice(4, 12)}`;
const PLANTED_NAME = PLANTED_ID.replaceAll('-', '_');

/** One leftover of each kind, of a tenant that never was; such that a server with them is still fit for tenants, should this test be killed. */
const PLANTS: readonly { database: string; plant: string; remove: string; found: RegExp }[] = [
  {
    database: 'postgres',
    plant: `create role uc_${PLANTED_NAME}`,
    remove: `drop role uc_${PLANTED_NAME}`,
    found: /pg_authid: uc_/,
  },
  {
    database: 'postgres',
    plant: `create database ultracore_${PLANTED_NAME} template template0; revoke all on database ultracore_${PLANTED_NAME} from public`,
    remove: `drop database ultracore_${PLANTED_NAME}`,
    found: /pg_database: ultracore_planted/,
  },
  {
    database: 'ultracore_shared',
    plant: `create schema tenant_${PLANTED_NAME} authorization ultracore_owner`,
    remove: `drop schema tenant_${PLANTED_NAME}`,
    found: /pg_namespace: tenant_/,
  },
  {
    database: 'ultracore_shared',
    plant: `create schema innocent__ authorization ultracore_owner; comment on schema innocent__ is 'ultracore home of ${PLANTED_ID}'`,
    remove: 'drop schema innocent__',
    found: /pg_description: planted/,
  },
  {
    database: 'ultracore_shared',
    plant: `insert into app.clients (tenant_id, kind, family_name) values ('${PLANTED_ID}', 'person', '${PLANTED_WORD}')`,
    remove: `delete from app.clients where tenant_id = '${PLANTED_ID}'`,
    found: /app\.clients: mark/,
  },
  {
    database: 'postgres',
    plant: `create role planted__; alter role planted__ set search_path to 'tenant_${PLANTED_NAME}'`,
    remove: 'drop role planted__',
    found: /pg_db_role_setting: tenant_/,
  },
  {
    database: 'ultracore_tenants',
    plant: `create table left__ as select '${PLANTED_WORD}'::text as note`,
    remove: 'drop table left__',
    found: /ultracore_tenants\.left__: mark/,
  },
  {
    database: 'ultracore__worker',
    plant: `create table worker.left__ as select jsonb_build_object('note', '${PLANTED_WORD}') as note`,
    remove: 'drop table worker.left__',
    found: /ultracore__worker\.worker\.left__: mark/,
  },
];

async function plant(): Promise<void> {
  for (const { database, plant: statements } of PLANTS)
    for (const sql of statements.split('; ')) await asSuperuser(database, sql);
  writeFileSync(join(folder, 'service.log'), `{"msg":"a row: ${PLANTED_WORD}"}\n`);
}
async function removePlants(): Promise<void> {
  for (const { database, remove } of PLANTS) await asSuperuser(database, remove).catch(() => undefined);
  rmSync(join(folder, 'service.log'), { force: true });
}

test(
  'tenants of all tiers that were used, rotated and purged leave no object, row, role or word anywhere, and no credential of use',
  { timeout: 900_000 },
  async () => {
    const { platform } = rig;
    const ids = TIERS.map((tier) => rig.tenant(tier).id);
    const loginsOf = async () =>
      (
        await Promise.all(ids.map((id) => Promise.all([loginOf(platform.stack, id), loginOf(platform.stack, id, 'readonly')])))
      ).flat();
    await Promise.all(TIERS.map(use));
    // What autovacuum does by itself: values of rows come to be in the planner's statistics.
    await asSuperuser(
      'ultracore_shared',
      `insert into app.clients (tenant_id, kind, family_name) values ('${NEIGHBOUR}', 'person', 'Stays')`,
    );
    await asSuperuser('ultracore_shared', 'analyze app.clients');
    const before = await loginsOf();
    expect((await Promise.all(ids.map((id) => rotateAgainAndAgain(platform, id, 1)))).flat()).toEqual([]);
    const passwords = [...before, ...(await loginsOf())].map(({ password }) => password);
    const all = [
      [...ids, PLANTED_ID],
      [...Object.values(WORDS), PLANTED_WORD, ...passwords],
    ] as const;

    // The search sees: it finds all that is there, each planted leftover, and nothing of a tenant where nothing may be.
    try {
      await plant();
      const there = await tracesOf(...all);
      for (const word of Object.values(WORDS)) expect(there.some((trace) => trace.endsWith(word))).toBe(true);
      for (const id of ids) expect(there.some((trace) => trace.endsWith(`pg_authid: uc_${id.replaceAll('-', '_')}`))).toBe(true);
      for (const { found } of PLANTS) expect(there.join('\n')).toMatch(found);
      expect(there.join('\n')).toMatch(/ultracore_shared\.pg_statistic: mark/);
      expect(there.filter((trace) => /^(topic|log) /.test(trace))).toEqual([
        expect.stringMatching(new RegExp(`^log .*service\\.log: ${PLANTED_WORD}$`)),
      ]);
    } finally {
      await removePlants();
    }

    await Promise.all(ids.map(purge));
    await sayInTopic(PLANTED_WORD);
    // What was planted in a topic stays there: the one thing that is found.
    expect(await tracesOf(...all)).toEqual([`topic ${TOPICS.requests}.dlq: ${PLANTED_WORD}`]);
    for (const id of ids) {
      const sealed = await loginsInLog(id);
      expect(sealed.length).toBeGreaterThanOrEqual(6);
      for (const login of sealed) expect(await loginFault(platform, login)).toBe('28P01');
    }
  },
);
