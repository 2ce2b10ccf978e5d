import { setImmediate } from 'node:timers/promises';
import type { GrpcCall } from '../grpc/call.ts';
import type { PageLimit } from '../storage/storage.ts';

/** What is read, encoded and handed to the connection at a time: also what a slow reader costs in memory. */
export const PAGE: PageLimit = { events: 256, bytes: 256 * 1024 };

/** Between two pages: waits for a reader that does not keep up, and in any case lets other callers have their turn. */
export function paceOf(call: GrpcCall): () => Promise<void> {
  return async () => {
    await call.drained();
    await setImmediate();
  };
}
