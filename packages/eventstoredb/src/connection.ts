import { EventStoreDBClient } from '@eventstore/db-client';
import { type Append, type Appended, createBatchAppend } from './batch-append.ts';
import { widenReceiveWindow } from './client-calls.ts';
import { EventStoreDbError } from './errors.ts';
import { readHead } from './read.ts';
import { createRecovery, type Recovery } from './retry.ts';

/** What appends and reads need of the server. */
export interface Connection {
  readonly client: EventStoreDBClient;
  readonly batchAppend: (append: Append) => Promise<Appended>;
  readonly recovery: Recovery;
}

const PROBE_TIMEOUT_MS = 2_000;

/** Connects when it is first used. Throws `bad_connection_string`. */
export function openConnection(connectionString: string): Connection {
  const client = parse(connectionString);
  widenReceiveWindow(client);
  return {
    client,
    batchAppend: createBatchAppend(client),
    recovery: createRecovery(() => readHead(client, PROBE_TIMEOUT_MS)),
  };
}

function parse(connectionString: string): EventStoreDBClient {
  try {
    return EventStoreDBClient.connectionString(connectionString);
  } catch {
    // The client's error repeats the string, which may hold a password.
    throw new EventStoreDbError(
      'bad_connection_string',
      'the connection string of the event store is not like esdb://host:2113?tls=false',
    );
  }
}
