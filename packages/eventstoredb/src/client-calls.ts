import type { EventStoreDBClient } from '@eventstore/db-client';
import type streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';

type Service = streamsGrpc.StreamsClient;

/** What the client offers to those who extend it: calls on its connection, which is renewed when one of them finds it broken. */
interface ExtensibleClient {
  /** grpc-js reads the options when it connects, which is at the first call. */
  createChannel: () => Promise<{ internalChannel: { options: Record<string, unknown> } }>;
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

/** How much may be on its way to us, in bytes. HTTP/2's own 64 KiB hold up whoever reads a log, after every sixty events or so, for a round trip. */
const RECEIVE_WINDOW = 1024 * 1024;

/** Gives the client's connections, which cannot be configured, a larger window. To be called before the first call. */
export function widenReceiveWindow(client: EventStoreDBClient): void {
  const extensible = callsOf(client);
  const { createChannel } = extensible;
  extensible.createChannel = async () => {
    const channel = await createChannel();
    channel.internalChannel.options['grpc-node.flow_control_window'] = RECEIVE_WINDOW;
    return channel;
  };
}
