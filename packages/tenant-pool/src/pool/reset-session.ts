import { randomInt } from 'node:crypto';
import type { Backend } from '../wire/backend.ts';

/**
 * Brings a session on which nothing runs back to how its login left it; what is open of a transaction is rolled back. False, or a rejection: it is
 * not known to be there, and the connection is to be closed.
 */
export async function resetSession(backend: Pick<Backend, 'transactionStatus' | 'command'>): Promise<boolean> {
  if (backend.transactionStatus !== 'I') await backend.command('rollback');
  if (backend.transactionStatus !== 'I') return false;
  const discarded = backend.command('discard all');
  const seeded = backend.command(`select pg_catalog.setseed(${randomSeed()})`).catch(() => {
    // Where it is refused nobody can have seeded it either.
  });
  await discarded;
  await seeded;
  return backend.transactionStatus === 'I';
}

const SEEDS = 2 ** 46;

/** `DISCARD ALL` leaves a sequence of random numbers that the last caller can know. From -1 to 1, as setseed takes it. */
const randomSeed = (): string => (randomInt(2 * SEEDS) / SEEDS - 1).toFixed(15);
