import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ExpectedRevision, type NewEvent, VersionConflict } from '@ultracore/event-sourcing';
import { EventStoreDbError } from './errors.ts';

export interface Append {
  readonly streamName: string;
  readonly events: readonly NewEvent[];
  readonly expected: ExpectedRevision;
}

export interface Appended {
  readonly revision: bigint;
  /** Undefined when EventStoreDB recognised a repeated append. */
  readonly position: bigint | undefined;
}

/** A large append is sent in messages of about this size. */
const MESSAGE_SIZE = 1024 * 1024;

/** Everything the server answers in one call, for all who wait for an answer of that call. */
type Waiting = Map<string, { append: Append; resolve: (appended: Appended) => void; reject: (error: Error) => void }>;

type Call = ReturnType<streamsGrpc.StreamsClient['batchAppend']>;

/** What the client offers to those who extend it: calls on its connection, which is renewed when one of them finds it broken. */
interface ExtensibleClient {
  GRPCStreamCreator: (
    service: typeof streamsGrpc.StreamsClient,
    name: string,
    open: (service: streamsGrpc.StreamsClient) => Call,
    cache: WeakMap<streamsGrpc.StreamsClient, Call | Promise<Call>>,
  ) => () => Promise<Call>;
  callArguments: (options: object, callOptions: { deadline: number }) => Parameters<streamsGrpc.StreamsClient['batchAppend']>;
}

/**
 * `BatchAppend` on the client's connection: one long call for all appends. The client's own `appendToStream` makes the same call, but keeps those
 * who wait for an answer in one table for all clients of the process: when one connection breaks, the answers on the others are lost, and their
 * appends never settle. It also encodes each body three times; this is done once.
 */
export function createBatchAppend(client: EventStoreDBClient) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- protected members of the client, whose version is pinned
  const { GRPCStreamCreator, callArguments } = client as unknown as ExtensibleClient;
  const waitingOf = new WeakMap<Call, Waiting>();
  const openCall = GRPCStreamCreator(
    streamsGrpc.StreamsClient,
    'batchAppend',
    (service) => {
      const call = service.batchAppend(...callArguments({}, { deadline: Infinity }));
      const waiting: Waiting = new Map();
      waitingOf.set(call, waiting);
      const close = (error: Error) => {
        // Nobody may begin to wait on it any more.
        waitingOf.delete(call);
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      };
      call.on('data', (response: streams.BatchAppendResp) => settle(waiting, response));
      call.on('error', close);
      call.on('end', () => {
        close(new Error('the event store ended the call for appends'));
        call.end();
      });
      return call;
    },
    new WeakMap(),
  );

  /** Settles when the answer comes or the connection breaks. A refusal is a `VersionConflict` or an `EventStoreDbError` with its code. */
  return async (append: Append): Promise<Appended> => {
    const call = await openCall();
    const waiting = waitingOf.get(call);
    if (!waiting) throw new Error('the call for appends is broken');
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      waiting.set(id, { append, resolve, reject });
      for (const part of toRequests(id, append)) call.write(part);
    });
  };
}

/** One message, or several for a large append: the server takes the events of all of them together. */
function toRequests(id: string, { streamName, events, expected }: Append): streams.BatchAppendReq[] {
  const correlationId = new shared.UUID();
  correlationId.setString(id);
  const options = new streams.BatchAppendReq.Options();
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(streamName, 'utf8'));
  options.setStreamIdentifier(identifier);
  if (expected === 'no_stream') options.setNoStream(new shared.Empty());
  else options.setStreamPosition(expected.toString());

  const requests: streams.BatchAppendReq[] = [];
  let room = 0;
  for (const event of events) {
    const data = Buffer.from(JSON.stringify(event.data) ?? 'null', 'utf8');
    const metadata = Buffer.from(JSON.stringify(event.metadata), 'utf8');
    room -= data.byteLength + metadata.byteLength;
    if (room < 0 || requests.length === 0) {
      room = MESSAGE_SIZE - data.byteLength - metadata.byteLength;
      const request = new streams.BatchAppendReq();
      request.setCorrelationId(correlationId);
      requests.push(request);
    }
    requests.at(-1)?.addProposedMessages(toProposed(event, data, metadata));
  }
  requests[0]?.setOptions(options);
  requests.at(-1)?.setIsFinal(true);
  return requests;
}

function toProposed({ id, type }: NewEvent, data: Buffer, metadata: Buffer): streams.BatchAppendReq.ProposedMessage {
  const proposed = new streams.BatchAppendReq.ProposedMessage();
  const eventId = new shared.UUID();
  eventId.setString(id);
  proposed.setId(eventId);
  proposed.getMetadataMap().set('type', type).set('content-type', 'application/json');
  proposed.setData(data);
  proposed.setCustomMetadata(metadata);
  return proposed;
}

function settle(waiting: Waiting, response: streams.BatchAppendResp): void {
  const id = correlationIdOf(response);
  const waiter = waiting.get(id);
  // Its caller has given up.
  if (!waiter) return;
  waiting.delete(id);
  const success = response.getSuccess();
  if (success) {
    const position = success.getPosition()?.getCommitPosition();
    waiter.resolve({
      revision: BigInt(success.getCurrentRevision()),
      position: position === undefined ? undefined : BigInt(position),
    });
  } else {
    waiter.reject(toError(response, waiter.append));
  }
}

/** Text as we sent it, or two signed halves. */
function correlationIdOf(response: streams.BatchAppendResp): string {
  const id = response.getCorrelationId();
  const halves = id?.getStructured();
  if (!halves) return id?.getString() ?? '';
  const hex = [halves.getMostSignificantBits(), halves.getLeastSignificantBits()]
    .map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0'))
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function toError(response: streams.BatchAppendResp, { streamName, expected }: Append): Error {
  const status = response.getError();
  const details = status?.getDetails();
  const type = details?.getTypeName();
  switch (type) {
    case 'event_store.client.WrongExpectedVersion': {
      const conflict = details?.unpack((bytes) => shared.WrongExpectedVersion.deserializeBinary(bytes), type);
      const actual = conflict?.hasCurrentStreamRevision() ? BigInt(conflict.getCurrentStreamRevision()) : 'no_stream';
      return new VersionConflict(streamName, expected, actual);
    }
    case 'event_store.client.StreamDeleted':
      return new EventStoreDbError('stream_deleted', `stream ${streamName} was deleted for good`);
    case 'event_store.client.MaximumAppendSizeExceeded':
      return new EventStoreDbError('append_too_large', `the events for ${streamName} are too large for one append`);
    case 'event_store.client.AccessDenied':
      return new EventStoreDbError('access_denied', `the event store refused the append to ${streamName}`);
    default:
      return new Error(`the event store could not append to ${streamName}: ${status?.getMessage() ?? 'no reason given'}`);
  }
}
