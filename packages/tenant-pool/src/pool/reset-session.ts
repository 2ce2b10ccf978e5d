import type { Backend } from '../wire/backend.ts';

/**
 * Brings a session on which nothing runs back to how its login left it; what is open of a transaction is rolled back. False, or a rejection: it is
 * not known to be there, and the connection is to be closed.
 */
export async function resetSession(backend: Pick<Backend, 'transactionStatus' | 'command'>): Promise<boolean> {
  if (backend.transactionStatus !== 'I') await backend.command('rollback');
  if (backend.transactionStatus !== 'I') return false;
  await backend.command('discard all');
  return backend.transactionStatus === 'I';
}
