import { describe, expect, test } from 'vitest';
import { decideAppend, type ExpectedRevision, type StreamFacts } from '../src/operations/decide-append.ts';

/** A stream of the events named. */
function stream(names: readonly string[], facts: Partial<StreamFacts> = {}): StreamFacts {
  const place = (revision: number) => ({ revision, position: 100 + revision });
  return {
    lastRevision: names.length - 1,
    tombstoned: false,
    softDeleted: false,
    hasMetadata: false,
    idAt: (revision) => {
      const id = names[revision];
      return id === undefined ? undefined : { id, ...place(revision) };
    },
    findId: (id) => (names.includes(id) ? place(names.indexOf(id)) : undefined),
    ...facts,
  };
}
const abc = ['a', 'b', 'c'];
const kindOf = (facts: StreamFacts, expected: ExpectedRevision, ids: readonly string[]) =>
  decideAppend(facts, expected, ids).kind;

describe('an append', () => {
  test.each([
    [[], 'no_stream', 'write'],
    [[], 'any', 'write'],
    [[], 'stream_exists', 'wrong_expected_revision'],
    [[], 0, 'wrong_expected_revision'],
    [abc, 'no_stream', 'wrong_expected_revision'],
    [abc, 'any', 'write'],
    [abc, 'stream_exists', 'write'],
    [abc, 2, 'write'],
    [abc, 1, 'wrong_expected_revision'],
    [abc, 3, 'wrong_expected_revision'],
  ] as const)('of another event to %j, expecting %s: %s', (names, expected, kind) => {
    expect(kindOf(stream(names), expected, ['x'])).toBe(kind);
  });

  test.each([
    ['no_stream', ['a', 'b'], 1],
    ['no_stream', ['a', 'b', 'c'], 2],
    [0, ['b'], 1],
    [1, ['c'], 2],
    ['any', ['b', 'c'], 2],
    ['stream_exists', ['a'], 0],
  ] as const)('that expects %s and holds %j already is a repetition', (expected, ids, revision) => {
    expect(decideAppend(stream(abc), expected, ids)).toEqual({ kind: 'repeated', last: { revision, position: 100 + revision } });
  });

  test.each([
    ['no_stream', ['a', 'x']],
    ['no_stream', ['a', 'b', 'c', 'd']],
    [1, ['c', 'd']],
    ['any', ['a', 'x']],
  ] as const)('that expects %s and repeats only the beginning of %j is refused', (expected, ids) => {
    expect(kindOf(stream(abc), expected, ids)).toBe('wrong_expected_revision');
  });

  test('of known events at another place is no repetition', () => {
    expect(kindOf(stream(abc), 0, ['c'])).toBe('wrong_expected_revision');
    expect(kindOf(stream(abc), 2, ['a'])).toBe('write');
  });

  test('of no events is judged by its expectation alone', () => {
    expect(kindOf(stream(abc), 2, [])).toBe('write');
    expect(kindOf(stream(abc), 1, [])).toBe('wrong_expected_revision');
    expect(kindOf(stream(abc), 'any', [])).toBe('write');
  });

  test.each(['any', 'no_stream', 'stream_exists', 2, 0] as const)(
    'to a tombstoned stream is refused, expecting %s',
    (expected) => {
      expect(kindOf(stream(abc, { tombstoned: true }), expected, ['x'])).toBe('stream_deleted');
    },
  );

  test.each([
    ['any', 'write'],
    ['no_stream', 'write'],
    [2, 'write'],
    [1, 'wrong_expected_revision'],
    ['stream_exists', 'stream_deleted'],
  ] as const)('to a soft-deleted stream, expecting %s: %s', (expected, kind) => {
    expect(kindOf(stream(abc, { softDeleted: true }), expected, ['x'])).toBe(kind);
  });

  test('finds that a stream exists that has only metadata', () => {
    expect(kindOf(stream([], { hasMetadata: true }), 'stream_exists', ['x'])).toBe('write');
  });
});
