import { createEventCodec, eventId } from '@ultracore/event-sourcing';
import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import { counter } from './counter.ts';

interface Renamed {
  readonly type: 'Renamed';
  readonly data: { readonly first: string; readonly last: string };
}

describe('createEventCodec', () => {
  const codec = createEventCodec<Renamed>({
    Renamed: {
      version: 3,
      upcasters: {
        1: ({ text }) => ({ name: text }),
        2: ({ name }) => ({ first: String(name).split(' ')[0], last: String(name).split(' ')[1] }),
      },
    },
  });
  const event: Renamed = { type: 'Renamed', data: { first: 'Ada', last: 'Byron' } };

  test('stores under the current version and reads every older one as the current event', () => {
    expect(codec.encode(event)).toEqual({ type: 'Renamed.v3', data: event.data });
    expect(codec.decode({ type: 'Renamed.v3', data: event.data })).toEqual(event);
    expect(codec.decode({ type: 'Renamed.v2', data: { name: 'Ada Byron' } })).toEqual(event);
    expect(codec.decode({ type: 'Renamed.v1', data: { text: 'Ada Byron' } })).toEqual(event);
    expect(codec.storedTypes).toEqual(['Renamed.v1', 'Renamed.v2', 'Renamed.v3']);
  });

  test('refuses names and bodies it does not know', () => {
    expect(() => codec.decode({ type: 'Renamed.v4', data: {} })).toThrow(expect.objectContaining({ code: 'unknown_event_type' }));
    expect(() => codec.decode({ type: 'Other.v1', data: {} })).toThrow(expect.objectContaining({ code: 'unknown_event_type' }));
    expect(() => codec.decode({ type: 'Renamed.v3', data: null })).toThrow(expect.objectContaining({ code: 'bad_event' }));
  });

  test('names the place of an event that a later version has stored, and what to do', () => {
    expect(() => codec.decode({ type: 'Renamed.v4', data: {}, streamName: 'tenant-a', revision: 7n })).toThrow(
      'event Renamed.v4 at tenant-a@7 is newer than this program: run the version that wrote it',
    );
  });

  test('a missing upcaster is an error when the codec is made', () => {
    expect(() => createEventCodec<Renamed>({ Renamed: { version: 2 } })).toThrow('no upcaster leads Renamed from version 1');
  });
});

describe('eventId', () => {
  test('is the UUIDv5 of the name in the namespace of the request', () => {
    // RFC 9562 appendix A.4: www.example.com in the DNS namespace.
    expect(eventId('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });
});

describe('deciderSpec', () => {
  const spec = deciderSpec(counter);
  const opened = { type: 'Opened', data: { name: 'a' } } as const;

  test('passes on the right outcome', () => {
    spec.given([]).when({ type: 'Open', name: 'a' }).then([opened]);
    spec.given([opened]).when({ type: 'Count', by: [] }).thenNothing();
    spec
      .given([])
      .when({ type: 'Count', by: [1] })
      .thenRefused('not_open');
  });

  test('fails on any other', () => {
    const { when } = spec.given([opened]);
    expect(() => when({ type: 'Count', by: [1] }).then([])).toThrow('deep-equal');
    expect(() => when({ type: 'Count', by: [1] }).thenNothing()).toThrow('deep-equal');
    expect(() => when({ type: 'Open', name: 'a' }).thenRefused('other')).toThrow("'already_open'");
    expect(() => when({ type: 'Count', by: [1] }).thenRefused('not_open')).toThrow('refusal not_open expected');
  });
});
