import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ExpectedRevision, type NewEvent, VersionConflict } from '@ultracore/event-sourcing';
import { type AppendResponse, decodeAppendResponse, encodeAppend } from './append-messages.ts';
import { callsOf } from './client-calls.ts';
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

/** Everything the server answers in one call, for all who wait for an answer of that call. */
type Waiting = Map<string, { append: Append; resolve: (appended: Appended) => void; reject: (error: Error) => void }>;

/** The part of a gRPC call that is used. */
interface Call {
  on(name: 'data', listener: (response: AppendResponse) => void): unknown;
  on(name: 'error', listener: (error: Error) => void): unknown;
  on(name: 'end', listener: () => void): unknown;
  write(message: Buffer): boolean;
  end(): unknown;
}

const BATCH_APPEND = '/event_store.client.streams.Streams/BatchAppend';

/**
 * `BatchAppend` on the client's connection: one long call for all appends. The client's own `appendToStream` makes the same call, but keeps those
 * who wait for an answer in one table for all clients of the process: when one connection breaks, the answers on the others are lost, and their
 * appends never settle. It also encodes each body three times; here that is done once, and without objects for the parts of a message.
 */
export function createBatchAppend(client: EventStoreDBClient) {
  const { GRPCStreamCreator, callArguments } = callsOf(client);
  const waitingOf = new WeakMap<Call, Waiting>();
  let current: Call | undefined;
  const openCall = GRPCStreamCreator<Call>(
    streamsGrpc.StreamsClient,
    'batchAppend',
    (service) => {
      const call = service.makeBidiStreamRequest(
        BATCH_APPEND,
        (message: Buffer) => message,
        decodeAppendResponse,
        ...callArguments({}, { deadline: Infinity }),
      );
      const waiting: Waiting = new Map();
      waitingOf.set(call, waiting);
      const close = (error: Error) => {
        // Nobody may begin to wait on it any more.
        waitingOf.delete(call);
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      };
      call.on('data', (response: AppendResponse) => settle(waiting, response));
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
    // A call that is not broken is used on: asking the client for it anew costs as much as the append.
    if (!current || !waitingOf.has(current)) current = await openCall();
    const call = current;
    const waiting = waitingOf.get(call);
    if (!waiting) throw new Error('the call for appends is broken');
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      waiting.set(id, { append, resolve, reject });
      for (const message of encodeAppend(id, append)) call.write(message);
    });
  };
}

function settle(waiting: Waiting, response: AppendResponse): void {
  const waiter = waiting.get(response.id);
  // Its caller has given up.
  if (!waiter) return;
  waiting.delete(response.id);
  if ('refused' in response) waiter.reject(toError(streams.BatchAppendResp.deserializeBinary(response.refused), waiter.append));
  else waiter.resolve({ revision: response.revision, position: response.position });
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
