import { describe, expect, it } from 'vitest';
import { troubleOf } from '../provisioning/trouble.ts';
import { AnswerLostError, patiently } from './patience.ts';

/** An answer that comes, or fails, when it is told to. */
const awaited = () => Promise.withResolvers<string>();

describe('an answer', () => {
  it('that is there is given without a question', async () => {
    const asked = () => Promise.reject(new Error('asked'));
    expect(await patiently(Promise.resolve('here'), 60_000, asked)).toBe('here');
    await expect(patiently(Promise.reject(new Error('no')), 60_000, asked)).rejects.toThrow('no');
  });

  it('is waited for as long as the server is at work on it', async () => {
    const { promise, resolve } = awaited();
    let asked = 0;
    const isAtWork = async (): Promise<boolean> => {
      asked += 1;
      if (asked === 5) resolve('late');
      return true;
    };
    expect(await patiently(promise, 1, isAtWork)).toBe('late');
  });

  it('that was on its way while the server was asked still counts', async () => {
    const { promise, resolve } = awaited();
    const isAtWork = async (): Promise<boolean> => {
      resolve('crossed');
      return false;
    };
    expect(await patiently(promise, 1, isAtWork)).toBe('crossed');
  });

  it('is not lost when a single question goes unanswered', async () => {
    const { promise, resolve } = awaited();
    let asked = 0;
    const isAtWork = async (): Promise<boolean> => {
      asked += 1;
      if (asked === 4) resolve('late');
      if (asked % 2 === 1) throw new Error('timeout expired');
      return true;
    };
    expect(await patiently(promise, 1, isAtWork)).toBe('late');
  });

  it.each([
    ['the server does not answer anybody', () => Promise.reject(new Error('connect ECONNREFUSED'))],
    ['the server is not at work on it', () => Promise.resolve(false)],
  ])('is lost when %s, which is the server’s trouble', async (_, isAtWork) => {
    const outcome = await patiently(awaited().promise, 1, isAtWork).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(AnswerLostError);
    expect(troubleOf(outcome)).toMatchObject({ kind: 'server', code: 'server_unreachable' });
  });
});
