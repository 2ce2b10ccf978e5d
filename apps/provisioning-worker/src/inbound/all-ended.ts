/**
 * Waits until all work has ended, also where some of it failed: with `Promise.all` the rest would still be under way when it is begun
 * anew. Throws what it failed with, several failures as one `AggregateError`.
 */
export async function allEnded(work: Iterable<Promise<unknown>>): Promise<void> {
  const ends = await Promise.allSettled(work);
  const failures = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} of ${ends.length} failed.`);
}
