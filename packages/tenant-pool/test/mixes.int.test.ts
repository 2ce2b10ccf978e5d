import { randomInt } from 'node:crypto';
import { testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { foundTown, manage } from './tenants.ts';

const MIXES = 50;
const STATEMENTS = 40;

/** Reproducible: the seed is in the message of what fails. */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('whatever callers mix and give up', () => {
  it('no answer ever reaches another caller, each is told exactly once, and the budget holds', async () => {
    await using town = await foundTown(testStack(), 6);
    await using pools = manage(town, { budget: 5, each: { maxConnections: 3 } });
    for (let mix = 0; mix < MIXES; mix++) {
      const seed = randomInt(2 ** 31);
      const random = randomness(seed);
      const pick = <T>(values: readonly [T, ...T[]]): T => values[Math.floor(random() * values.length)] ?? values[0];
      const one = async (nth: number): Promise<void> => {
        const id = pick(town.ids as [string, ...string[]]);
        const pool = pools.manager.getPool(id, { readonly: random() < 0.3 });
        const token = `${mix} ${nth} ${random()}`;
        const text = pick([
          'select name, $1::text as token from mine where id = 7',
          'select name, $1::text as token, pg_sleep(0.002) from mine where id = 7',
          'select name, $1::text as token from mine order by id',
          'select name, $1::text as token, 1 / (id - id) from mine where id = 7',
          'select nonsense, $1::text from mine',
        ]);
        const asked = ask(pool, text, [token], { lane: pick(['shared', 'shared', 'shared', 'own']), repeatable: random() < 0.8 });
        const patience = pick([undefined, undefined, 0, random() * 10]);
        const timer = patience === undefined ? undefined : setTimeout(() => asked.handle.abort(), patience);
        const answer = await asked.answer.catch((error: { code: string }) => error);
        clearTimeout(timer);
        const told = `seed ${seed}, statement ${nth}`;
        if ('code' in answer) {
          expect(['aborted', 'postgres'], told).toContain(answer.code);
        } else {
          expect(answer.rows.length, told).toBe(text.includes('order by') ? 100 : 1);
          for (const row of answer.rows) expect(row.slice(0, 2), told).toEqual([id, token]);
        }
        expect(asked.ends(), told).toBe(1);
        expect(pools.manager.getPoolStats().servers[0]?.used, told).toBeLessThanOrEqual(5);
      };
      await Promise.all(Array.from({ length: STATEMENTS }, (_, nth) => one(nth)));
    }
    expect(await town.connections()).toBeLessThanOrEqual(5);
  });
});
