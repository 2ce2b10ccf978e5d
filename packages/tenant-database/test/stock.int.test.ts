import { randomInt, randomUUID } from 'node:crypto';
import { generatePassword } from '@ultracore/credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  claimStockHome,
  createDatabase,
  createRoles,
  homeNames,
  listHomes,
  makeStockHome,
  removeStockHome,
  runMigrations,
  SHARED_DATABASE,
  smokeTest,
  stockFingerprint,
  type StockTier,
  undoHome,
  verifyDatabase,
  verifyServer,
  withConnection,
} from '../src/index.ts';
import { catalogOf } from './catalog.ts';
import { type Bench, makeHome, newHome, startBench, withOneTable } from './homes.ts';
import type { Cut } from './kills.ts';
import { claim, newStock, proveStockCut, readyIn, statementsOfStock, stocked, type StockCourse } from './stock-kills.ts';

let whole: Bench;
/** Where what is in a home does not matter. */
let bench: Bench;
beforeAll(async () => {
  whole = await startBench(['fsync=off']);
  bench = withOneTable(whole);
});
afterAll(() => bench.stop());

const TIERS: readonly StockTier[] = ['enterprise', 'standard'];
const passwords = () => ({ readWrite: generatePassword(), readOnly: generatePassword() });
const place = (tier: StockTier) => (tier === 'enterprise' ? 'postgres' : SHARED_DATABASE);

describe.each(TIERS)('a home of tier %s from stock', (tier) => {
  it('is in every catalog what one made cold is, but for its names, and its tenant lives in it as in any other', async () => {
    const [cold, home, secret] = [newHome(tier, 'cold'), newHome(tier, 'from-stock'), passwords()];
    await makeHome(whole, bench.admin, cold, passwords());
    expect(await claim(bench.admin, home, await stocked(whole, tier))).toBe('claimed');
    const names = homeNames(home.tenantId, tier);
    const migrated = await withConnection(bench.admin, names.database, (own) =>
      runMigrations(own, { schema: names.schema, migrations: whole.migrations }),
    );
    expect(migrated.applied).toBe(0);
    expect(migrated.total.applied).toBe(whole.migrations.length);
    await makeHome(whole, bench.admin, home, secret);
    const [there, wanted] = [await catalogOf(bench.admin, home), await catalogOf(bench.admin, cold)];
    expect(there).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(100);
    for (const [kind, role, password] of [
      ['read-write', names.role, secret.readWrite],
      ['read-only', names.readonlyRole, secret.readOnly],
    ] as const) {
      await withConnection(bench.login(role, password), names.database, (login) => smokeTest(login, home, kind));
    }
    const findings = await withConnection(bench.admin, names.database, (own) =>
      verifyDatabase(own, { shared: tier === 'standard' }),
    );
    expect([...findings, ...(await verifyServer(bench.admin))]).toEqual([]);
    for (const each of [home, cold]) await undoHome(bench.admin, each, { creationRecorded: true });
  });

  it('is nobody’s before: no home, no orphan, no way in, and nothing wrong with the server', async () => {
    const stock = await stocked(bench, tier);
    expect(await verifyServer(bench.admin)).toEqual([]);
    const homes = await withConnection(bench.admin, SHARED_DATABASE, listHomes);
    expect(homes.filter(({ name }) => name.includes(stock.stockId))).toEqual([]);
    const roles = await withConnection(bench.superuser, 'postgres', (superuser) =>
      superuser.query(`select rolname from pg_authid where rolname ~ $1 and not rolcanlogin and rolpassword is null order by 1`, [
        stock.stockId,
      ]),
    );
    expect(roles.rows).toHaveLength(2);
    await removeStockHome(bench.admin, stock.stockId);
    expect(await readyIn(bench)).not.toContain(stock.stockId);
  });

  it('is one tenant’s, however many want it at once', async () => {
    const stock = await stocked(bench, tier);
    const homes = Array.from({ length: 6 }, () => newHome(tier, 'crowd'));
    const outcomes = await Promise.all(
      homes.map((home) => claim(bench.admin, home, stock).catch((error: unknown) => String(error))),
    );
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    const claimed = homes.filter((_, index) => outcomes[index] === 'claimed');
    for (const home of claimed) await makeHome(bench, bench.admin, home, passwords());
    for (const home of homes) await undoHome(bench.admin, home, { creationRecorded: true });
  });

  it('is not given out while somebody has the tenant’s names, when it is half made or made of other migrations', async () => {
    const stock = await stocked(bench, tier);
    const home = newHome(tier, 'taken');
    await withConnection(bench.admin, place(tier), async (admin) => {
      await createRoles(admin, home);
      expect(await claimStockHome(admin, home, stock)).toBe('occupied');
      const other = newHome(tier, 'other');
      expect(await claimStockHome(admin, other, { ...stock, fingerprint: stockFingerprint([]) })).toBe('unfit');
      expect(await claimStockHome(admin, other, newStock(bench, tier))).toBe('gone');
      const half = newStock(bench, tier);
      const cutOff = makeStockHome(bench.admin, half, {
        ...bench,
        onPart(part) {
          if (part === 'filled') throw new Error('cut off');
        },
      });
      await expect(cutOff).rejects.toThrow('cut off');
      expect(await claimStockHome(admin, other, half)).toBe('unfit');
      await removeStockHome(bench.admin, half.stockId);
    });
    expect(await readyIn(bench)).toContain(stock.stockId);
    await undoHome(bench.admin, home, { creationRecorded: true });
    await removeStockHome(bench.admin, stock.stockId);
  });
});

it('a schema that somebody is at is left in stock after a moment, and is claimed when they are gone', async () => {
  const stock = await stocked(bench, 'standard');
  const home = newHome('standard', 'patient');
  await withConnection(bench.superuser, SHARED_DATABASE, async (blocker) => {
    await blocker.query('begin');
    await blocker.query(`comment on role uc__stock_${stock.stockId} is 'held'`);
    await withConnection(bench.admin, SHARED_DATABASE, async (admin) => {
      expect(await claimStockHome(admin, home, stock, { timeoutMs: 200 })).toBe('in_use');
    });
    await blocker.query('rollback');
  });
  expect(await claim(bench.admin, home, stock)).toBe('claimed');
  // Who does not know that it happened asks again; another request did not get it.
  expect(await claim(bench.admin, home, stock)).toBe('claimed');
  expect(await claim(bench.admin, { ...home, requestId: randomUUID() }, stock)).toBe('gone');
  await undoHome(bench.admin, home, { creationRecorded: true });
});

it('an enterprise home in stock lets nobody connect, not even a superuser, so that nobody is in it when it is given out', async () => {
  const stock = await stocked(bench, 'enterprise');
  await expect(bench.superuser(`ultracore__stock_${stock.stockId}`)).rejects.toMatchObject({ code: '55000' });
  const home = newHome('enterprise', 'after-stock');
  await withConnection(bench.admin, 'postgres', async (admin) => {
    expect(await claimStockHome(admin, home, stock)).toBe('claimed');
    // Nothing is left to do for who comes along the cold way afterwards.
    expect([await createRoles(admin, home), await createDatabase(admin, home, { creationRecorded: true })]).toEqual([
      'adopted',
      'adopted',
    ]);
  });
  await undoHome(bench.admin, home, { creationRecorded: true });
});

it('the fingerprint changes with the text of a migration, with its number and with another', () => {
  const { migrations } = whole;
  const [first, ...rest] = migrations;
  if (first === undefined) throw new Error('There is no migration.');
  const all = [
    migrations,
    rest,
    [{ ...first, checksum: 'another' }, ...rest],
    [...migrations, { ...first, version: '9999' }],
  ].map((each) => stockFingerprint(each));
  expect(new Set(all).size).toBe(all.length);
  expect(stockFingerprint([...migrations])).toBe(all[0]);
});

/** A place drawn anew each run; the soak test takes them all. */
const drawn = (statements: number): Cut => ({
  statement: 1 + randomInt(statements),
  when: randomInt(2) === 0 ? 'before' : 'after',
});

describe.each(TIERS)('with the admin’s session ended in the middle, a home of tier %s', (tier) => {
  it.each<StockCourse>(['making', 'claim', 'removal'])('loses nothing and leaves nothing: %s', async (course) => {
    const cut = drawn(await statementsOfStock(bench, tier, course));
    expect([cut, await proveStockCut(bench, tier, course, cut)]).toEqual([cut, []]);
  });
});
