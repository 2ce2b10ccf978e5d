import { expect, it, vi } from 'vitest';
import { allEnded } from './all-ended.ts';

it('fails only when all that was begun has ended', async () => {
  const slow = Promise.withResolvers<void>();
  const over = vi.fn<() => void>();
  const all = allEnded([Promise.reject(new Error('first')), slow.promise]).catch(over);
  await new Promise(setImmediate);
  expect(over).not.toHaveBeenCalled();
  slow.resolve();
  await all;
  expect(over).toHaveBeenCalledWith(expect.objectContaining({ message: 'first' }));
});

it('tells every failure', async () => {
  const all = allEnded([Promise.reject(new Error('one')), Promise.resolve(), Promise.reject(new Error('two'))]);
  await expect(all).rejects.toMatchObject({ message: '2 of 3 failed.', errors: [{ message: 'one' }, { message: 'two' }] });
});
