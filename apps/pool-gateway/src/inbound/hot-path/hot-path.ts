import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createHotConnection, type HotConnection } from './hot-connection.ts';
import type { HeadCheck, HotHandler } from './hot-exchange.ts';

export interface HotPathOptions {
  /** For instance `POST /v1/query HTTP/1.1`. */
  readonly requestLine: string;
  readonly handle: HotHandler;
  readonly check: HeadCheck;
  /** Bytes; default 16 KiB, as Node's. */
  readonly maxHeadBytes?: number;
  /** Bytes; default 256 KiB. Longer bodies go to the full server. */
  readonly maxBodyBytes?: number;
  /** For how long the head of a request may be on its way. Default 15 s. */
  readonly headTimeoutMs?: number;
  /** For how long the rest of a request may be on its way, and its answer unread. Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** For how long a connection is kept without a request. Default 72 s. */
  readonly keepAliveMs?: number;
}

export interface HotPath {
  /** From now on each connection ends with the answer that is under way, and new ones are the full server's. */
  close(): void;
}

const SWEEP_MS = 1000;
/** Less than a stop has time for. */
const UNREAD_MS = 10_000;

/**
 * Puts a lean reader of requests before a Node HTTP server, for one kind of request that comes very often. A connection is read by it
 * until it brings anything else; then the server has it from the first byte of that request on, and answers as if there were no hot
 * path. The server listens and closes as usual.
 */
export function attachHotPath(server: Server, options: HotPathOptions): HotPath {
  const { headTimeoutMs = 15_000, requestTimeoutMs = 60_000, keepAliveMs = 72_000 } = options;
  const allowedMs: Partial<Record<HotConnection['state'], number>> = {
    idle: keepAliveMs,
    head: headTimeoutMs,
    body: requestTimeoutMs,
    writing: requestTimeoutMs,
  };
  const full = server.listeners('connection');
  const connections = new Set<HotConnection>();
  let coarseNow = performance.now();
  let isClosing = false;

  const sweep = setInterval(() => {
    coarseNow = performance.now();
    for (const connection of connections) {
      const allowed = allowedMs[connection.state];
      if (allowed === undefined || coarseNow - connection.since <= allowed) continue;
      if (connection.state === 'idle') connection.finish();
      else connection.destroy();
    }
  }, SWEEP_MS);
  sweep.unref();

  const settings = {
    requestLine: options.requestLine,
    handle: options.handle,
    check: options.check,
    maxHeadBytes: options.maxHeadBytes ?? 16 * 1024,
    maxBodyBytes: options.maxBodyBytes ?? 256 * 1024,
    unreadMs: Math.min(requestTimeoutMs, UNREAD_MS),
    handOver: (socket: Socket, bytes: Buffer) => {
      socket.pause();
      socket.unshift(bytes);
      for (const listener of full) listener.call(server, socket);
      // The server reads on with the next turn, from what was put back.
      process.nextTick(() => socket.resume());
    },
  };
  const clock = { now: () => coarseNow, onGone: (connection: HotConnection) => connections.delete(connection) };

  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (isClosing) for (const listener of full) listener.call(server, socket);
    else connections.add(createHotConnection(socket, settings, clock));
  });
  server.on('close', () => clearInterval(sweep));
  return {
    close() {
      isClosing = true;
      for (const connection of connections) connection.finish();
    },
  };
}
