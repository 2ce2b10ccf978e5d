import { describe, expect, it } from 'vitest';
import { resetSession } from '../src/pool/reset-session.ts';
import type { TransactionStatus } from '../src/wire/backend.ts';

/** A session in that state, of which `rollback` makes the other. */
function createSession(transactionStatus: TransactionStatus, afterRollback: TransactionStatus) {
  const sent: string[] = [];
  return {
    sent,
    transactionStatus,
    async command(text: string): Promise<void> {
      sent.push(text.replace(/\(-?[01]\.\d+\)/, '(…)'));
      if (text === 'rollback') this.transactionStatus = afterRollback;
    },
  };
}

describe('a session that is given back', () => {
  it.each(['T', 'E'] as const)('in a transaction (%s) is rolled back before it is reset', async (status) => {
    const session = createSession(status, 'I');
    await expect(resetSession(session)).resolves.toBe(true);
    expect(session.sent).toEqual(['rollback', 'discard all', 'select pg_catalog.setseed(…)']);
  });

  it('outside of one is reset', async () => {
    const session = createSession('I', 'E');
    await expect(resetSession(session)).resolves.toBe(true);
    expect(session.sent).toEqual(['discard all', 'select pg_catalog.setseed(…)']);
  });

  it('and is still in a transaction after the rollback is not used again', async () => {
    const session = createSession('E', 'T');
    await expect(resetSession(session)).resolves.toBe(false);
    expect(session.sent).toEqual(['rollback']);
  });
});
