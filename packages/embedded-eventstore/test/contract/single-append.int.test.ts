import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all, anEvent, aStream, failureOf } from '../events.ts';
import { eventStores, useClient } from '../event-stores.ts';

/** The client appends one by one only to servers that have no batch append; others of EventStoreDB's clients do so by default. */
describe.each(eventStores(process.env['EVENTSTOREDB_URL']))('appending in a call of its own to $name', (store) => {
  const opened = useClient(store);
  let service: streamsGrpc.StreamsClient;
  beforeAll(() => {
    service = new streamsGrpc.StreamsClient(new URL(opened.url.replace('esdb:', 'http:')).host, credentials.createInsecure());
  });
  afterAll(() => service.close());

  function target(stream: string, expect_: 'any' | 'no_stream' | bigint): streams.AppendReq {
    const identifier = new shared.StreamIdentifier();
    identifier.setStreamName(Buffer.from(stream));
    const options = new streams.AppendReq.Options();
    options.setStreamIdentifier(identifier);
    if (expect_ === 'any') options.setAny(new shared.Empty());
    else if (expect_ === 'no_stream') options.setNoStream(new shared.Empty());
    else options.setRevision(expect_.toString());
    const request = new streams.AppendReq();
    request.setOptions(options);
    return request;
  }
  function proposal(id: string, metadata: Record<string, string>, data = '{"n":1}'): streams.AppendReq {
    const proposed = new streams.AppendReq.ProposedMessage();
    const uuid = new shared.UUID();
    uuid.setString(id);
    proposed.setId(uuid);
    for (const [name, value] of Object.entries(metadata)) proposed.getMetadataMap().set(name, value);
    proposed.setData(Buffer.from(data));
    const request = new streams.AppendReq();
    request.setProposedMessage(proposed);
    return request;
  }
  const JSON_EVENT = { type: 'Counted.v1', 'content-type': 'application/json' };

  const send = (...messages: streams.AppendReq[]): Promise<streams.AppendResp> =>
    new Promise((resolve, reject) => {
      const call = service.append((error: ServiceError | null, response: streams.AppendResp) => {
        if (error) reject(error);
        else resolve(response);
      });
      for (const message of messages) call.write(message);
      call.end();
    });

  test('stores the events and answers with the place of the last', async () => {
    const stream = aStream();
    const ids = [randomUUID(), randomUUID()];
    const response = await send(target(stream, 'no_stream'), ...ids.map((id) => proposal(id, JSON_EVENT)));
    expect(response.getSuccess()?.getCurrentRevision()).toBe('1');
    const events = await all(opened.client.readStream(stream));
    expect(events.map((event) => event.id)).toEqual(ids);
    expect(response.getSuccess()?.getPosition()?.getCommitPosition()).toBe(String(events[1]?.position?.commit));
  });

  test('answers a wrong expectation with both revisions', async () => {
    const stream = aStream();
    await opened.client.appendToStream(stream, anEvent());
    const conflict = (await send(target(stream, 7n), proposal(randomUUID(), JSON_EVENT))).getWrongExpectedVersion();
    expect([conflict?.getExpectedRevision(), conflict?.getCurrentRevision()]).toEqual(['7', '0']);
    const none = (await send(target(aStream(), 7n), proposal(randomUUID(), JSON_EVENT))).getWrongExpectedVersion();
    expect([none?.getExpectedRevision(), none?.hasCurrentNoStream()]).toEqual(['7', true]);
  });

  test('fails for a tombstoned stream, a missing property and an append too large, as the client expects it', async () => {
    const stream = aStream();
    await opened.client.tombstoneStream(stream);
    expect(await exceptionOf(send(target(stream, 'any'), proposal(randomUUID(), JSON_EVENT)))).toBe('stream-deleted');
    expect(
      await exceptionOf(send(target(aStream(), 'any'), proposal(randomUUID(), { 'content-type': 'application/json' }))),
    ).toBe('missing-required-metadata-property');
    const half = 'x'.repeat(600_000);
    const parts = [proposal(randomUUID(), JSON_EVENT, half), proposal(randomUUID(), JSON_EVENT, half)];
    expect(await exceptionOf(send(target(aStream(), 'any'), ...parts))).toBe('maximum-append-size-exceeded');
  });
});

async function exceptionOf(call: Promise<unknown>): Promise<unknown> {
  const error = await failureOf(call);
  return error instanceof Error && 'metadata' in error ? (error as ServiceError).metadata.get('exception')[0] : error;
}
