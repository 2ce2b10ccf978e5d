/**
 * Does `count` tasks with at most `width` of them under way, in the order of their index, and answers with the seconds from the
 * first start to the last end. The first failure is thrown when those under way have ended.
 */
export async function inFlight(count: number, width: number, task: (index: number) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next;
      next += 1;
      try {
        await task(index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(width, count) }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return (performance.now() - startedAt) / 1000;
}
