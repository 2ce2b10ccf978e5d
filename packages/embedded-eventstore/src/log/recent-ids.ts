import type { KnownEvent, Storage } from '../storage/storage.ts';

const IDS_KEPT = 100_000;

/**
 * The newest event ids and where they are, for appends that expect any revision. Like EventStoreDB's, this memory is bounded; unlike it, it is
 * there again after a restart. (Appends that expect a revision are recognised at their place, however old they are.)
 */
export function createRecentIds(storage: Storage) {
  const known = new Map<string, KnownEvent>();
  const add = (event: KnownEvent) => {
    known.set(event.id, event);
    if (known.size <= IDS_KEPT) return;
    const oldest = known.keys().next();
    if (!oldest.done) known.delete(oldest.value);
  };
  const reload = () => {
    known.clear();
    for (const event of storage.newest(IDS_KEPT)) add(event);
  };
  reload();

  return {
    add,
    find: (id: string, stream: number): KnownEvent | undefined => {
      const event = known.get(id);
      return event?.stream === stream ? event : undefined;
    },
    /** After a transaction that was undone. */
    reload,
  };
}
