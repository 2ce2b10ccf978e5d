import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { abortReason, WireError } from './errors.ts';
import { sslRequest } from './frontend-messages.ts';

const READ_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 30_000;
const TLS_ACCEPTED = 0x53;

export interface Address {
  /** A path that starts with `/` is the directory of a Unix socket; on one TLS is not asked for. */
  readonly host: string;
  readonly port: number;
  readonly tls?: ConnectionOptions | undefined;
}

export interface Receiver {
  /** Bytes of the server at `[start, end)`, valid only during the call. */
  receive(buffer: Buffer, start: number, end: number): void;
  /** The connection has ended, once; with the error that ended it, if any. */
  ended(error: Error | undefined): void;
}

export interface Transport {
  receiver: Receiver;
  /** Whether the bytes have been taken at once, so that the caller may write over them. */
  write(bytes: Buffer): boolean;
  pause(): void;
  resume(): void;
  /** Sends these last bytes; the server is expected to end the connection. */
  end(bytes: Buffer): void;
  destroy(): void;
}

/**
 * Connects, with TLS where asked for. Rejects with WireError `connect_failed` or `tls_refused`, or with the signal's reason; then
 * nothing is left open. Nothing is received before a receiver can be set in the same turn as the promise resolves.
 */
export async function openTransport(address: Address, signal: AbortSignal): Promise<Transport> {
  const local = address.host.startsWith('/');
  return address.tls === undefined || local ? openPlain(address, local, signal) : openTls(address, address.tls, signal);
}

/** Reads into one buffer of the connection's own: no allocation per chunk, and no bytes of another connection near a reader's fault. */
async function openPlain(address: Address, local: boolean, signal: AbortSignal): Promise<Transport> {
  let transport: Transport | undefined;
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const onread = {
    buffer,
    callback(count: number): boolean {
      transport?.receiver.receive(buffer, 0, count);
      return true;
    },
  };
  const socket = local
    ? connect({ path: `${address.host}/.s.PGSQL.${address.port}`, onread })
    : connect({
        host: address.host,
        port: address.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        onread,
      });
  await once(socket, 'connect', signal, address);
  transport = overSocket(socket);
  return transport;
}

async function openTls(address: Address, tls: ConnectionOptions, signal: AbortSignal): Promise<Transport> {
  const plain = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  await once(plain, 'connect', signal, address);
  // What breaks the connection is reported by the socket on top.
  plain.on('error', () => {});
  plain.write(sslRequest());
  const answer = await once(plain, 'data', signal, address);
  // Bytes behind the answer came before encryption: whoever sent them wants them taken for the server's.
  if (!Buffer.isBuffer(answer) || answer.length !== 1 || answer[0] !== TLS_ACCEPTED) {
    plain.destroy();
    throw new WireError('tls_refused', `the server ${address.host}:${address.port} does not speak TLS`);
  }
  plain.pause();
  // Whom the certificate must name: without `host` an address would be compared as localhost.
  const { host } = address;
  const secure = connectTls({ host, ...(isIP(host) ? {} : { servername: host }), ...tls, socket: plain });
  await once(secure, 'secureConnect', signal, address);
  const transport = overSocket(secure);
  secure.on('data', (chunk: Buffer) => transport.receiver.receive(chunk, 0, chunk.length));
  return transport;
}

const NOBODY: Receiver = { receive: () => {}, ended: () => {} };

function overSocket(socket: Socket): Transport {
  let error: Error | undefined;
  const transport: Transport = {
    receiver: NOBODY,
    write(bytes) {
      socket.write(bytes);
      return socket.writableLength === 0;
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: (bytes) => void socket.end(bytes),
    destroy: () => void socket.destroy(),
  };
  socket.on('error', (cause: Error) => {
    error = cause;
  });
  socket.on('end', () => void socket.destroy());
  socket.on('close', () => transport.receiver.ended(error));
  return transport;
}

/** The event's first argument; rejects when the socket ends first or the signal aborts, and then ends the socket. */
function once(
  socket: Socket,
  event: 'connect' | 'data' | 'secureConnect',
  signal: AbortSignal,
  address: Address,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let cause: Error | undefined;
    const settle = (): void => {
      socket.off(event, onEvent).off('close', onClose).off('error', onError);
      signal.removeEventListener('abort', onAbort);
    };
    const onEvent = (argument: unknown): void => {
      settle();
      resolve(argument);
    };
    const onError = (error: Error): void => {
      cause = error;
    };
    const onClose = (): void => {
      settle();
      const where = address.host.startsWith('/') ? `${address.host}/.s.PGSQL.${address.port}` : `${address.host}:${address.port}`;
      reject(new WireError('connect_failed', `no connection to the Postgres server at ${where}`, { cause }));
    };
    const onAbort = (): void => {
      settle();
      socket.on('error', () => {}).destroy();
      reject(abortReason(signal));
    };
    socket.once(event, onEvent).once('close', onClose).on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
