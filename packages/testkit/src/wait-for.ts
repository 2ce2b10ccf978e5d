import { setTimeout as sleep } from 'node:timers/promises';
import { TestkitError } from './errors.ts';

export interface WaitOptions {
  /** What is waited for, in the words of the error: `the tenant to be active`. */
  what: string;
  deadlineMs?: number;
  everyMs?: number;
}

/**
 * Polls until the condition answers something truthy and hands that back. A condition that throws is asked again; its last error
 * is the cause of the one thrown, code `timed_out`, when the deadline (30 s unless given) passes.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 30_000, everyMs = 20 }: WaitOptions,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= deadline) {
      const because = cause instanceof Error ? ` (${cause.message})` : '';
      throw new TestkitError('timed_out', `Waited ${deadlineMs} ms in vain for ${what}${because}.`, { cause });
    }
    await sleep(everyMs);
  }
}
