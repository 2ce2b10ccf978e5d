import type { KnownEvent, Storage } from '../storage/storage.ts';

/** At least so many are kept, at most twice as many. */
const IDS_KEPT = 50_000;

/**
 * The newest event ids and where they are, for appends that expect any revision. Like EventStoreDB's, this memory is bounded; unlike it, it is
 * there again after a restart. (Appends that expect a revision are recognised at their place, however old they are.)
 */
export function createRecentIds(storage: Storage) {
  // Two generations: dropping the older one whole costs nothing, while taking single keys out of a large map does.
  let younger = new Map<string, KnownEvent>();
  let older = new Map<string, KnownEvent>();

  const add = (event: KnownEvent) => {
    younger.set(event.id, event);
    if (younger.size < IDS_KEPT) return;
    older = younger;
    younger = new Map();
  };
  const reload = () => {
    older.clear();
    younger.clear();
    for (const event of storage.newest(IDS_KEPT)) add(event);
  };
  reload();

  return {
    add,
    find: (id: string, stream: number): KnownEvent | undefined => {
      const event = younger.get(id) ?? older.get(id);
      return event?.stream === stream ? event : undefined;
    },
    /** After a transaction that was undone. */
    reload,
  };
}
