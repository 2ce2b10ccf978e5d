import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { describe, expect, test } from 'vitest';
import { FRAME_HEADER } from '../src/grpc/framing.ts';
import { type EventRecord, TOMBSTONE_REVISION } from '../src/storage/record.ts';
import { readReadRequest } from '../src/wire/read-request.ts';
import * as responses from '../src/wire/responses.ts';
import { readAppendPart, readBatchAppendPart, readDeletion } from '../src/wire/write-requests.ts';

/** The other side of the wire: the client's own generated classes. */
const identifier = (name: string) => {
  const message = new shared.StreamIdentifier();
  message.setStreamName(Buffer.from(name));
  return message;
};
const uuid = (text: string) => {
  const message = new shared.UUID();
  message.setString(text);
  return message;
};
const body = (frame: Buffer): Uint8Array => {
  expect(frame[0]).toBe(0);
  expect(frame.readUInt32BE(1)).toBe(frame.byteLength - FRAME_HEADER);
  return frame.subarray(FRAME_HEADER);
};

const record: EventRecord = {
  position: 5_000_000_000_123,
  streamName: 'ströme-1',
  revision: 300,
  id: randomUUID(),
  type: 'Happened.v1',
  isJson: true,
  createdAt: 1_700_000_000_123,
  data: Buffer.from('{"a":1}'),
  metadata: Buffer.from('{"b":2}'),
};

describe('requests of the client', () => {
  const proposed = (id: string) => {
    const message = new streams.BatchAppendReq.ProposedMessage();
    message.setId(uuid(id));
    message.getMetadataMap().set('type', 'Happened.v1').set('content-type', 'application/json');
    message.setData(Buffer.from('{"a":1}'));
    message.setCustomMetadata(Buffer.from('{"b":2}'));
    return message;
  };

  test('a batch append is read with every part of it', () => {
    const [correlation, event] = [randomUUID(), randomUUID()];
    const request = new streams.BatchAppendReq();
    request.setCorrelationId(uuid(correlation));
    const options = new streams.BatchAppendReq.Options();
    options.setStreamIdentifier(identifier('ströme-1'));
    options.setStreamPosition('123456789012');
    request.setOptions(options);
    request.addProposedMessages(proposed(event));
    request.setIsFinal(true);
    const part = readBatchAppendPart(Buffer.from(request.serializeBinary()));
    expect(part).toMatchObject({
      target: { streamName: 'ströme-1', expected: 123_456_789_012, deadline: undefined },
      events: [{ id: event, type: 'Happened.v1', isJson: true }],
      isFinal: true,
      problem: undefined,
    });
    expect(part.events[0]?.data.toString()).toBe('{"a":1}');
    expect(part.events[0]?.metadata.toString()).toBe('{"b":2}');
    expect(shared.UUID.deserializeBinary(part.correlationId).getString()).toBe(correlation);
  });

  test('a batch append that is not understood names its problem and itself', () => {
    const correlation = randomUUID();
    const request = new streams.BatchAppendReq();
    request.setCorrelationId(uuid(correlation));
    request.addProposedMessages(proposed('no uuid'));
    const part = readBatchAppendPart(Buffer.from(request.serializeBinary()));
    expect(part.problem).toBe("'no uuid' is not a UUID");
    expect(shared.UUID.deserializeBinary(part.correlationId).getString()).toBe(correlation);
  });

  test('an id in two halves is the same id', () => {
    const id = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const halves = new shared.UUID.Structured();
    halves.setMostSignificantBits(BigInt.asIntN(64, 0xf81d_4fae_7dec_11d0n).toString());
    halves.setLeastSignificantBits(BigInt.asIntN(64, 0xa765_00a0_c91e_6bf6n).toString());
    const structured = new shared.UUID();
    structured.setStructured(halves);
    const message = new streams.AppendReq.ProposedMessage();
    message.setId(structured);
    message.getMetadataMap().set('type', 'T').set('content-type', 'application/octet-stream');
    const request = new streams.AppendReq();
    request.setProposedMessage(message);
    expect(readAppendPart(Buffer.from(request.serializeBinary())).event).toMatchObject({ id, isJson: false });
  });

  test.each([
    ['no_stream', 'setNoStream'],
    ['any', 'setAny'],
    ['stream_exists', 'setStreamExists'],
  ] as const)('%s is understood in appends and deletions', (expected, set) => {
    const append = new streams.AppendReq();
    const appendOptions = new streams.AppendReq.Options();
    appendOptions.setStreamIdentifier(identifier('a-1'));
    appendOptions[set](new shared.Empty());
    append.setOptions(appendOptions);
    expect(readAppendPart(Buffer.from(append.serializeBinary())).target).toMatchObject({ streamName: 'a-1', expected });
    const deletion = new streams.DeleteReq();
    const options = new streams.DeleteReq.Options();
    options.setStreamIdentifier(identifier('a-1'));
    options[set](new shared.Empty());
    deletion.setOptions(options);
    expect(readDeletion(Buffer.from(deletion.serializeBinary()))).toMatchObject({ streamName: 'a-1', expected });
  });

  test('a message cut short is refused', () => {
    const request = new streams.AppendReq();
    const options = new streams.AppendReq.Options();
    options.setStreamIdentifier(identifier('a-1'));
    request.setOptions(options);
    const bytes = Buffer.from(request.serializeBinary());
    expect(() => readAppendPart(bytes.subarray(0, -2))).toThrow('the message ends inside a field');
  });

  const read = (change: (options: streams.ReadReq.Options) => void) => {
    const options = new streams.ReadReq.Options();
    const all = new streams.ReadReq.Options.AllOptions();
    const position = new streams.ReadReq.Options.Position();
    position.setCommitPosition('77');
    position.setPreparePosition('77');
    all.setPosition(position);
    options.setAll(all);
    options.setCount('10');
    change(options);
    const request = new streams.ReadReq();
    request.setOptions(options);
    return readReadRequest(Buffer.from(request.serializeBinary()));
  };
  const filtered =
    (regex: string, window = 0) =>
    (options: streams.ReadReq.Options) => {
      const expression = new streams.ReadReq.Options.FilterOptions.Expression();
      expression.setRegex(regex);
      const filter = new streams.ReadReq.Options.FilterOptions();
      filter.setEventType(expression);
      if (window > 0) filter.setMax(window);
      filter.setCheckpointintervalmultiplier(3);
      options.setFilter(filter);
    };

  test('a read is understood', () => {
    expect(read((options) => options.setReadDirection(streams.ReadReq.Options.ReadDirection.BACKWARDS))).toMatchObject({
      streamName: undefined,
      from: 77,
      backwards: true,
      count: 10,
    });
    const { filter } = read(filtered('^Ten.*ed$', 50));
    expect(filter).toMatchObject({ on: 'event_type', checkpointInterval: 150 });
    expect(filter?.matches('TenantCreated')).toBe(true);
    expect(filter?.matches('Created')).toBe(false);
    expect(read(filtered('x')).filter?.checkpointInterval).toBe(96);
  });

  test('what cannot be read is refused', () => {
    expect(() => read(filtered('(')).filter).toThrow('not a regular expression');
    expect(() => read((options) => options.clearCount())).toThrow('missing');
    expect(() =>
      read((options) => {
        options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
        options.setReadDirection(streams.ReadReq.Options.ReadDirection.BACKWARDS);
      }),
    ).toThrow('cannot go backwards');
  });
});

describe('answers to the client', () => {
  const eventOf = (frame: Buffer) => streams.ReadResp.deserializeBinary(body(frame)).getEvent();

  test('an event has every field', () => {
    const recorded = eventOf(responses.eventFrame(record, undefined, true))?.getEvent();
    expect(recorded?.getId()?.getString()).toBe(record.id);
    expect(Buffer.from(recorded?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(record.streamName);
    expect([recorded?.getStreamRevision(), recorded?.getCommitPosition(), recorded?.getPreparePosition()]).toEqual([
      '300',
      '5000000000123',
      '5000000000123',
    ]);
    expect(Object.fromEntries(recorded?.getMetadataMap().toArray() ?? [])).toEqual({
      type: 'Happened.v1',
      created: '17000000001230000',
      'content-type': 'application/json',
    });
    expect(Buffer.from(recorded?.getData_asU8() ?? [])).toEqual(record.data);
    expect(Buffer.from(recorded?.getCustomMetadata_asU8() ?? [])).toEqual(record.metadata);
  });

  test('an event can have its id in two halves, and the revision of a tombstone', () => {
    const id = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const recorded = eventOf(responses.eventFrame({ ...record, id, revision: TOMBSTONE_REVISION }, undefined, false))?.getEvent();
    const halves = recorded?.getId()?.getStructured();
    expect(BigInt.asUintN(64, BigInt(halves?.getMostSignificantBits() ?? 0))).toBe(0xf81d_4fae_7dec_11d0n);
    expect(BigInt.asUintN(64, BigInt(halves?.getLeastSignificantBits() ?? 0))).toBe(0xa765_00a0_c91e_6bf6n);
    expect(recorded?.getStreamRevision()).toBe('9223372036854775807');
  });

  test('a link stands beside what it points at, also when that is gone', () => {
    const link = { ...record, streamName: 'links', type: '$>', position: 9 };
    const resolved = eventOf(responses.eventFrame(record, link, true));
    expect(resolved?.getEvent()?.getMetadataMap().get('type')).toBe('Happened.v1');
    expect(resolved?.getLink()?.getMetadataMap().get('type')).toBe('$>');
    expect(resolved?.getCommitPosition()).toBe('9');
    const dangling = eventOf(responses.eventFrame(undefined, link, true));
    expect([dangling?.hasEvent(), dangling?.hasLink()]).toEqual([false, true]);
  });

  test('an event larger than the buffer is whole, and so is the next', () => {
    const data = Buffer.alloc(3_000_000, 7);
    const large = eventOf(responses.eventFrame({ ...record, data }, undefined, true));
    expect(data.equals(large?.getEvent()?.getData_asU8() ?? Buffer.alloc(0))).toBe(true);
    expect(
      eventOf(responses.eventFrame(record, undefined, true))
        ?.getEvent()
        ?.getId()
        ?.getString(),
    ).toBe(record.id);
  });

  test.each([
    [{ kind: 'wrong_expected_revision', expected: 7, current: -1 }, 'event_store.client.WrongExpectedVersion'],
    [{ kind: 'stream_deleted' }, 'event_store.client.StreamDeleted'],
    [{ kind: 'timeout' }, 'event_store.client.Timeout'],
    [{ kind: 'too_large', limit: 5 }, 'event_store.client.MaximumAppendSizeExceeded'],
    [{ kind: 'bad_request', message: 'why' }, 'event_store.client.BadRequest'],
    [{ kind: 'internal', message: 'why' }, 'google.protobuf.Empty'],
  ] as const)('a failed append says why: $kind', (failure, type) => {
    const correlation = randomUUID();
    const frame = responses.batchAppendFailedFrame(Buffer.from(uuid(correlation).serializeBinary()), 'ströme-1', failure);
    const response = streams.BatchAppendResp.deserializeBinary(body(frame));
    expect(response.getCorrelationId()?.getString()).toBe(correlation);
    expect(Buffer.from(response.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('ströme-1');
    expect(response.getError()?.getDetails()?.getTypeName()).toBe(type);
    if (failure.kind === 'wrong_expected_revision') {
      const details = response
        .getError()
        ?.getDetails()
        ?.unpack((bytes) => shared.WrongExpectedVersion.deserializeBinary(bytes), type);
      expect([details?.getExpectedStreamPosition(), details?.hasCurrentNoStream()]).toEqual(['7', true]);
    }
  });

  test('the methods and their features are listed', () => {
    const methods = [
      { service: 's.A', method: 'one', features: ['x', 'y'] },
      { service: 's.A', method: 'two', features: [] },
    ];
    const listed = features.SupportedMethods.deserializeBinary(body(responses.supportedMethodsFrame('24.10.0', methods)));
    expect(listed.getEventStoreServerVersion()).toBe('24.10.0');
    expect(
      listed.getMethodsList().map((method) => ({
        service: method.getServiceName(),
        method: method.getMethodName(),
        features: method.getFeaturesList(),
      })),
    ).toEqual(methods);
  });
});
