import type { Tier } from '@ultracore/contracts';
import { generatePassword } from '@ultracore/credentials';
import { expect } from 'vitest';
import {
  ADMIN_DATABASE,
  type Connect,
  type Home,
  homeNames,
  listHomes,
  SHARED_DATABASE,
  smokeTest,
  undoHome,
  verifyDatabase,
  withConnection,
} from '../src/index.ts';
import { type Bench, makeHome, newHome } from './homes.ts';

/** Ends the session of the admin at one statement, counted over all connections: before it is sent, or once it was answered. */
export interface Cut {
  readonly statement: number;
  readonly when: 'before' | 'after';
}

const PASSWORDS = { readWrite: generatePassword(), readOnly: generatePassword() };
const UNDO = { creationRecorded: true };

/** What a tier's home goes through, each given a way to connect that may be cut. */
const COURSES = {
  creation: async (bench: Bench, cut: Connect, home: Home) => {
    await makeHome(bench, cut, home, PASSWORDS);
  },
  undo: async (bench: Bench, cut: Connect, home: Home) => {
    await makeHome(bench, bench.admin, home, PASSWORDS);
    await undoHome(cut, home, UNDO);
  },
} as const;

export type Course = keyof typeof COURSES;

/** A way to connect that counts what is sent, and is cut off at one statement. */
export function cutting(bench: Bench, cut: Cut | undefined): { connect: Connect; sent: () => number } {
  let sent = 0;
  const connect = async (database: string) => {
    const client = await bench.login(...bench.adminLogin)(database);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const kill = () =>
      withConnection(bench.superuser, ADMIN_DATABASE, (superuser) =>
        superuser.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]),
      );
    const query = async (text: string, values?: unknown[]): Promise<unknown> => {
      sent += 1;
      if (sent !== cut?.statement) return client.query(text, values);
      if (cut.when === 'after') await client.query(text, values);
      await kill();
      throw new Error('cut off');
    };
    return new Proxy(client, {
      get: (target, property) => (property === 'query' ? query : property === 'end' ? () => target.end() : undefined),
    });
  };
  return { connect, sent: () => sent };
}

/** How many statements a course sends when nothing disturbs it. */
export async function statementsOf(bench: Bench, tier: Tier, course: Course): Promise<number> {
  const home = newHome(tier, 'whole');
  const { connect, sent } = cutting(bench, undefined);
  await COURSES[course](bench, connect, home);
  await undoHome(bench.admin, home, UNDO);
  return sent();
}

/**
 * Cuts a course off once and tries both ways on from there: done again it ends in a home that is whole, usable and fit (else
 * this throws), and undone instead it leaves nothing. Returns the objects that are left after all.
 */
export async function proveCut(bench: Bench, tier: Tier, course: Course, cut: Cut): Promise<string[]> {
  const left: string[] = [];
  for (const next of course === 'creation' ? (['again', 'undo'] as const) : (['undo'] as const)) {
    const home = newHome(tier, 'cut');
    await expect(COURSES[course](bench, cutting(bench, cut).connect, home)).rejects.toThrow(/cut off|connection error/);
    if (next === 'again') await proveWhole(bench, home);
    await undoHome(bench.admin, home, UNDO);
    const objects = await withConnection(bench.admin, SHARED_DATABASE, listHomes);
    left.push(...objects.map(({ name }) => name).filter((name) => name.includes(home.tenantId.replaceAll('-', '_'))));
  }
  return left;
}

export async function proveWhole(bench: Bench, home: Home): Promise<void> {
  await makeHome(bench, bench.admin, home, PASSWORDS);
  const names = homeNames(home.tenantId, home.tier);
  await withConnection(bench.login(names.role, PASSWORDS.readWrite), names.database, (login) =>
    smokeTest(login, home, 'read-write'),
  );
  const findings = await withConnection(bench.admin, names.database, (db) =>
    verifyDatabase(db, { shared: home.tier !== 'enterprise' }),
  );
  expect(findings).toEqual([]);
}
