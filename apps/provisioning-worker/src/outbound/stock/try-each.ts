export interface TryEachOptions {
  /** Once aborted none gets its turn any more. */
  readonly stopping: AbortSignal;
  /** Whether what went wrong with one would go wrong with all others: then they get no turn. */
  readonly concernsAll: (error: unknown) => boolean;
}

/**
 * Does something to each of them, one after the other: one that fails keeps no other from its turn.
 * @throws The first error, after the last turn.
 */
export async function tryEach<Each>(
  all: readonly Each[],
  { stopping, concernsAll }: TryEachOptions,
  work: (each: Each) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const each of all) {
    if (stopping.aborted) break;
    try {
      await work(each);
    } catch (error) {
      errors.push(error);
      if (concernsAll(error)) break;
    }
  }
  if (errors.length > 0) throw errors[0];
}
