/** What a writer expects of a stream: its last revision, or a word of the protocol. */
export type ExpectedRevision = number | 'any' | 'no_stream' | 'stream_exists';

interface Found {
  readonly revision: number;
  readonly position: number;
}

/** What a decision needs to know of a stream. Revisions are those before the append; -1 without events. */
export interface StreamFacts {
  readonly lastRevision: number;
  readonly tombstoned: boolean;
  readonly softDeleted: boolean;
  readonly hasMetadata: boolean;
  /** The event at a revision, also one that reads no longer show. */
  readonly idAt: (revision: number) => { id: string; position: number } | undefined;
  /** An event of this stream by its id, among the recent ones. */
  readonly findId: (id: string) => Found | undefined;
}

export type AppendDecision =
  | { readonly kind: 'write' }
  /** These very events are there already, at these places. */
  | { readonly kind: 'repeated'; readonly last: Found }
  | { readonly kind: 'wrong_expected_revision' }
  | { readonly kind: 'stream_deleted' };

const WRITE: AppendDecision = { kind: 'write' };
const WRONG: AppendDecision = { kind: 'wrong_expected_revision' };
const DELETED: AppendDecision = { kind: 'stream_deleted' };

/**
 * EventStoreDB's rules. An append whose ids stand right after the expected revision is the same append again; one that repeats only the first of
 * its events is neither the same nor possible: wrong expected revision. Expecting any revision (or that the stream exists), it is the same
 * append when all its ids are known in the stream, and an append when the first is not.
 */
export function decideAppend(stream: StreamFacts, expected: ExpectedRevision, ids: readonly string[]): AppendDecision {
  if (stream.tombstoned) return DELETED;
  if (expected === 'stream_exists') {
    if (stream.softDeleted) return DELETED;
    if (stream.lastRevision < 0 && !stream.hasMetadata) return WRONG;
  }
  if (expected === 'any' || expected === 'stream_exists') {
    return decideRepeated(ids, (id) => stream.findId(id)) ?? WRITE;
  }
  const at = expected === 'no_stream' ? -1 : expected;
  if (at > stream.lastRevision) return WRONG;
  if (at === stream.lastRevision) return WRITE;
  const repeated = decideRepeated(ids, (id, index) => {
    const revision = at + 1 + index;
    const there = stream.idAt(revision);
    return there?.id === id ? { revision, position: there.position } : undefined;
  });
  // A soft-deleted stream counts as none, too.
  return repeated ?? (expected === 'no_stream' && stream.softDeleted ? WRITE : WRONG);
}

/** Undefined when the first event is not there (or there are none). */
function decideRepeated(
  ids: readonly string[],
  find: (id: string, index: number) => Found | undefined,
): AppendDecision | undefined {
  let last: Found | undefined;
  for (const [index, id] of ids.entries()) {
    const found = find(id, index);
    if (!found) return index === 0 ? undefined : WRONG;
    last = found;
  }
  return last && { kind: 'repeated', last };
}
