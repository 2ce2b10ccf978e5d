import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { NewEvent } from '@ultracore/event-sourcing';
import { describe, expect, it } from 'vitest';
import { decodeAppendResponse, encodeAppend } from '../src/append-messages.ts';
import { decodeReadResponse } from '../src/read-response.ts';

const eventOf = (size: number): NewEvent => ({
  id: randomUUID(),
  type: 'Tested.v1',
  data: { text: randomBytes(size).toString('hex'), umlaut: 'ü😀' },
  metadata: { actor: 'é' },
});

const text = (bytes: Uint8Array | string): unknown => JSON.parse(Buffer.from(bytes as Uint8Array).toString('utf8'));

describe('the messages of an append', () => {
  it.each([1, 3])('say to the generated code of the protocol what was meant, for %i events', (count) => {
    const events = Array.from({ length: count }, () => eventOf(randomInt(3000)));
    const id = randomUUID();
    const expected = count === 1 ? 'no_stream' : 9_007_199_254_740_993n;
    const [message = Buffer.alloc(0), ...more] = encodeAppend(id, { streamName: 'tenant-é', events, expected });
    expect(more).toEqual([]);
    const request = streams.BatchAppendReq.deserializeBinary(message);
    const options = request.getOptions();
    expect(request.getCorrelationId()?.getString()).toBe(id);
    expect(request.getIsFinal()).toBe(true);
    expect(Buffer.from(options?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('tenant-é');
    expect([options?.hasNoStream(), options?.hasStreamPosition()]).toEqual([count === 1, count !== 1]);
    if (count !== 1) expect(options?.getStreamPosition()).toBe('9007199254740993');
    expect(
      request.getProposedMessagesList().map((proposed) => ({
        id: proposed.getId()?.getString(),
        type: proposed.getMetadataMap().get('type'),
        data: text(proposed.getData_asU8()),
        metadata: text(proposed.getCustomMetadata_asU8()),
      })),
    ).toEqual(events);
  });

  it('are several for a large append: the target in the first, the end in the last, every event once', () => {
    const events = Array.from({ length: 12 }, () => eventOf(150_000));
    const messages = encodeAppend(randomUUID(), { streamName: 's', events, expected: 'no_stream' });
    const requests = messages.map((message) => streams.BatchAppendReq.deserializeBinary(message));
    expect(requests.length).toBeGreaterThan(3);
    expect(requests.map((request) => request.hasOptions())).toEqual(requests.map((_, n) => n === 0));
    expect(requests.map((request) => request.getIsFinal())).toEqual(requests.map((_, n) => n === requests.length - 1));
    const ids = requests.flatMap((request) => request.getProposedMessagesList().map((each) => each.getId()?.getString()));
    expect(ids).toEqual(events.map(({ id }) => id));
  });
});

describe('the answer to an append', () => {
  it('is understood with its id as a text and in two halves', () => {
    const success = new streams.BatchAppendResp.Success();
    success.setCurrentRevision('7');
    const position = new shared.AllStreamPosition();
    position.setCommitPosition('9007199254740993');
    position.setPreparePosition('1');
    success.setPosition(position);
    const response = new streams.BatchAppendResp();
    response.setSuccess(success);
    const id = new shared.UUID();
    id.setString('f81d4fae-7dec-41d0-a765-00a0c91e6bf6');
    response.setCorrelationId(id);
    const meant = { id: 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6', revision: 7n, position: 9_007_199_254_740_993n };
    expect(decodeAppendResponse(Buffer.from(response.serializeBinary()))).toEqual(meant);
    const halves = new shared.UUID.Structured();
    halves.setMostSignificantBits(BigInt.asIntN(64, 0xf81d4fae7dec41d0n).toString());
    halves.setLeastSignificantBits(BigInt.asIntN(64, 0xa76500a0c91e6bf6n).toString());
    id.setStructured(halves);
    expect(decodeAppendResponse(Buffer.from(response.serializeBinary()))).toEqual(meant);
  });

  it('that is a refusal is handed on whole', () => {
    const response = new streams.BatchAppendResp();
    const id = new shared.UUID();
    id.setString('x');
    response.setCorrelationId(id);
    const bytes = Buffer.from(response.serializeBinary());
    expect(decodeAppendResponse(bytes)).toEqual({ id: 'x', refused: bytes });
  });
});

describe('what a subscription says', () => {
  const recorded = (): streams.ReadResp.ReadEvent.RecordedEvent => {
    const record = new streams.ReadResp.ReadEvent.RecordedEvent();
    const id = new shared.UUID();
    id.setString('f81d4fae-7dec-41d0-a765-00a0c91e6bf6');
    record.setId(id);
    const name = new shared.StreamIdentifier();
    name.setStreamName(Buffer.from('tenant-é'));
    record.setStreamIdentifier(name);
    record.setStreamRevision('9007199254740993');
    record.setCommitPosition('18446744073709551614');
    record.setPreparePosition('1');
    record.getMetadataMap().set('type', 'Tested.v1').set('content-type', 'application/json').set('created', '17639000001239999');
    record.setCustomMetadata(Buffer.from('{"actor":"é"}'));
    record.setData(Buffer.from('{"n":1}'));
    return record;
  };
  const responseOf = (record: streams.ReadResp.ReadEvent.RecordedEvent): Buffer => {
    const event = new streams.ReadResp.ReadEvent();
    event.setEvent(record);
    event.setCommitPosition('18446744073709551614');
    const response = new streams.ReadResp();
    response.setEvent(event);
    return Buffer.from(response.serializeBinary());
  };

  it('is an event with all digits of its numbers and the millisecond it was written in', () => {
    expect(decodeReadResponse(responseOf(recorded()))).toEqual({
      kind: 'event',
      event: {
        id: 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6',
        streamName: 'tenant-é',
        type: 'Tested.v1',
        data: { n: 1 },
        metadata: { actor: 'é' },
        revision: 9_007_199_254_740_993n,
        position: 18_446_744_073_709_551_614n,
        createdAt: new Date(1_763_900_000_123),
      },
    });
  });

  it('keeps bytes as bytes, and takes metadata that is none of ours for none', () => {
    const record = recorded();
    record.getMetadataMap().set('content-type', 'application/octet-stream');
    record.setData(Buffer.from([1, 2]));
    record.setCustomMetadata(Buffer.from('not json'));
    const response = decodeReadResponse(responseOf(record));
    expect(response).toMatchObject({ kind: 'event', event: { data: Uint8Array.of(1, 2), metadata: {} } });
  });

  it('is a checkpoint, that it has caught up, or nothing that concerns us', () => {
    const response = new streams.ReadResp();
    const checkpoint = new streams.ReadResp.Checkpoint();
    checkpoint.setCommitPosition('5');
    response.setCheckpoint(checkpoint);
    expect(decodeReadResponse(Buffer.from(response.serializeBinary()))).toEqual({ kind: 'checkpoint', position: 5n });
    response.setCaughtUp(new streams.ReadResp.CaughtUp());
    expect(decodeReadResponse(Buffer.from(response.serializeBinary()))).toEqual({ kind: 'caught_up' });
    response.setConfirmation(new streams.ReadResp.SubscriptionConfirmation());
    expect(decodeReadResponse(Buffer.from(response.serializeBinary()))).toEqual({ kind: 'other' });
  });

  it('that is cut short is an error, never an event', () => {
    const whole = responseOf(recorded());
    for (let length = 1; length < whole.byteLength; length += 1) {
      expect(() => decodeReadResponse(whole.subarray(0, length))).toThrow(RangeError);
    }
  });
});
