import type { EventStoreDBClient } from '@eventstore/db-client';
import type streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';

type Service = streamsGrpc.StreamsClient;

/** What the client offers to those who extend it: calls on its connection, which is renewed when one of them finds it broken. */
interface ExtensibleClient {
  GRPCStreamCreator: <Call>(
    service: typeof streamsGrpc.StreamsClient,
    name: string,
    open: (service: Service) => Call,
    cache?: WeakMap<Service, Call | Promise<Call>>,
  ) => () => Promise<Call>;
  /** Metadata and options of a call: credentials, the name of the connection. */
  callArguments: (options: object, callOptions: { deadline: number }) => Required<Parameters<Service['batchAppend']>>;
}

export function callsOf(client: EventStoreDBClient): ExtensibleClient {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- protected members of the client, whose version is pinned
  return client as unknown as ExtensibleClient;
}
