import { EventStoreServerError } from './errors.ts';
import { paths, supportedMethods, unimplemented } from './features.ts';
import { listen } from './grpc/server.ts';
import { createEventLog } from './log/event-log.ts';
import { batchAppendMethod } from './operations/batch-append-method.ts';
import { readMethod } from './operations/read-method.ts';
import { appendMethod, deleteMethod } from './operations/write-methods.ts';
import { openDatabase } from './storage/open-database.ts';
import { createStorage } from './storage/storage.ts';

export interface EventStoreOptions {
  /** The interface to listen on; `127.0.0.1` when left out. There is neither TLS nor any user: keep it on loopback. */
  readonly host?: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Made when missing. One running server a directory. */
  readonly dataDir: string;
}

export interface EventStoreServer {
  /** What clients connect to: `esdb://<host>:<port>?tls=false`. */
  readonly url: string;
  readonly port: number;
  /** Ends every call as unavailable, lets go of the port, then of the data directory. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a single-node event store that speaks EventStoreDB's gRPC protocol. An append that was acknowledged is on the disk. Throws
 * `EventStoreServerError` (`bad_argument`, `port_taken`, `host_unusable`, `data_dir_unusable`, `data_dir_locked`, `disk_full`).
 */
export async function startEventStore({ host = '127.0.0.1', port, dataDir }: EventStoreOptions): Promise<EventStoreServer> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new EventStoreServerError('bad_argument', `The port must be a number from 0 to 65535, not ${port}.`);
  }
  const log = createEventLog(createStorage(openDatabase(dataDir)));
  const methods = new Map([
    [paths.read, readMethod(log)],
    [paths.append, appendMethod(log)],
    [paths.batchAppend, batchAppendMethod(log)],
    [paths.delete, deleteMethod(log, false)],
    [paths.tombstone, deleteMethod(log, true)],
    [paths.supportedMethods, supportedMethods()],
  ] as const);
  try {
    const server = await listen({ host, port, methods, unimplemented });
    return {
      url: `esdb://${host.includes(':') ? `[${host}]` : host}:${server.port}?tls=false`,
      port: server.port,
      async stop() {
        await server.stop();
        log.close();
      },
    };
  } catch (error) {
    log.close();
    throw error;
  }
}
