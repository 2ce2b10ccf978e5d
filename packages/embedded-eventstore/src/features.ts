import { unary } from './grpc/methods.ts';
import type { GrpcMethod } from './grpc/call.ts';
import { supportedMethodsFrame } from './wire/responses.ts';

const STREAMS = 'event_store.client.streams.Streams';
const FEATURES = 'event_store.client.server_features.ServerFeatures';
const PERSISTENT = 'event_store.client.persistent_subscriptions.PersistentSubscriptions';

/** The version of EventStoreDB whose behaviour this server has. */
const SERVER_VERSION = '24.10.0';

export const paths = {
  read: `/${STREAMS}/Read`,
  append: `/${STREAMS}/Append`,
  batchAppend: `/${STREAMS}/BatchAppend`,
  delete: `/${STREAMS}/Delete`,
  tombstone: `/${STREAMS}/Tombstone`,
  supportedMethods: `/${FEATURES}/GetSupportedMethods`,
} as const;

/**
 * The client chooses its dialect by this list: batch appends when they are in it. Persistent subscriptions are in it, though they are left out
 * here, because the client then asks over gRPC and gets `unimplemented` in plain words, instead of claiming that the server is too old.
 */
const persistentMethods = ['create', 'update', 'delete', 'read', 'getinfo', 'replayparked', 'list', 'restartsubsystem'];

/** `ServerFeatures/GetSupportedMethods`. */
export function supportedMethods(): GrpcMethod {
  const own = Object.values(paths).map((path) => {
    const [, service = '', method = ''] = path.split('/');
    return { service: service.toLowerCase(), method: method.toLowerCase(), features: [] };
  });
  const persistent = persistentMethods.map((method) => ({
    service: PERSISTENT.toLowerCase(),
    method,
    features: ['stream', 'all'],
  }));
  const frame = supportedMethodsFrame(SERVER_VERSION, [...own, ...persistent]);
  return unary(() => frame);
}

const leftOut: Readonly<Record<string, string>> = {
  persistent_subscriptions: 'persistent subscriptions',
  projections: 'projections',
  gossip: 'gossip (connect with esdb:// and one host)',
  cluster: 'clustering',
  users: 'users',
  operations: 'operations',
  monitoring: 'monitoring',
};

/** Why a call to a path that is not served fails. */
export function unimplemented(path: string): string {
  const service = Object.entries(leftOut).find(([name]) => path.includes(`.${name}.`));
  return `The embedded event store has no ${service?.[1] ?? path}; run EventStoreDB for that.`;
}
