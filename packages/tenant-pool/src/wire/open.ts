import type { Backend, BackendOptions } from './backend.ts';
import { WireError } from './errors.ts';
import { cancelRequest } from './frontend-messages.ts';
import { logIn } from './login.ts';
import { Session } from './session.ts';
import { type Address, openTransport } from './transport.ts';

const DEFAULT_MAX_STATEMENTS = 200;
const DEFAULT_MAX_ROW_BYTES = 64 * 1024 * 1024;

/**
 * Opens one server connection and logs in. Rejects with a WireError and leaves nothing open: `login_failed`, `connect_failed` (with a `sqlstate` when
 * the server said why: 53300, 57P03, 3D000), `connect_timeout`, `tls_refused`, `auth_unsupported`, `protocol_violation`; an abort is a `connect_failed`.
 */
export async function openBackend(options: BackendOptions, signal?: AbortSignal): Promise<Backend> {
  const { host, port, tls, user, connectTimeoutMs } = options;
  const address: Address = { host, port, tls };
  return await withDeadline(connectTimeoutMs, signal, async (limit) => {
    const transport = await openTransport(address, limit);
    return await logIn(transport, options, options.maxRowBytes ?? DEFAULT_MAX_ROW_BYTES, limit, (login) => {
      const sendCancel = cancelSender(address, connectTimeoutMs);
      return new Session(transport, login, { user, maxStatements: options.maxStatements ?? DEFAULT_MAX_STATEMENTS, sendCancel });
    });
  });
}

/** Made where no password is in reach: it lives as long as the connection. */
function cancelSender(address: Address, timeoutMs: number): (key: Buffer) => Promise<void> {
  return (key) => requestCancel(address, key, timeoutMs);
}

/** Resolves when the server has ended the connection that carried the request, or cannot be reached. */
async function requestCancel(address: Address, key: Buffer, timeoutMs: number): Promise<void> {
  try {
    await withDeadline(timeoutMs, undefined, async (limit) => {
      const transport = await openTransport(address, limit);
      await new Promise<void>((resolve) => {
        transport.receiver = { receive: () => {}, ended: () => resolve() };
        limit.addEventListener('abort', () => transport.destroy(), { once: true });
        transport.write(cancelRequest(key));
      });
    });
  } catch {
    // A server that cannot be asked cancels nothing; the connection is closed next, and that ends the statement in the end.
  }
}

async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const onAbort = (): void =>
    limit.abort(new WireError('connect_failed', 'the opening of the connection was given up', { cause: signal?.reason }));
  const timer = setTimeout(() => {
    limit.abort(new WireError('connect_timeout', `the server did not let us in within ${timeoutMs} ms`));
  }, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    limit.signal.throwIfAborted();
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
