import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, in the words of the error: `the tenant to be active`. */
  readonly what: string;
  readonly deadlineMs: number;
  readonly everyMs: number;
}

/** Looks again and again until it is so. Rejects when the deadline passes, and at once when a look does. */
export async function until(isSo: () => Promise<boolean> | boolean, { what, deadlineMs, everyMs }: UntilOptions): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited ${deadlineMs / 1000} s in vain for ${what}.`);
    await sleep(everyMs);
  }
}
