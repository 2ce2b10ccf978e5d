import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Starts `count` tasks at even intervals, however long those before take, and answers when all have ended with the tasks started per
 * second. Each is told when it was due (`performance.now()`): what it waited beyond that is the caller's wait too. The first failure is
 * thrown when those under way have ended.
 */
export async function openLoop(
  { count, perSecond }: { count: number; perSecond: number },
  task: (index: number, dueAt: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  const dueAt = (index: number): number => startedAt + (index * 1000) / perSecond;
  const underWay: Promise<void>[] = [];
  const failures: unknown[] = [];
  while (underWay.length < count && failures.length === 0) {
    while (underWay.length < count && dueAt(underWay.length) <= performance.now()) {
      const begun = task(underWay.length, dueAt(underWay.length));
      begun.catch((error: unknown) => failures.push(error));
      underWay.push(begun);
    }
    await sleep(1);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.allSettled(underWay);
  if (failures.length > 0) throw failures[0];
  return underWay.length / seconds;
}
