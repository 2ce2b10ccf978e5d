import { settingsOf } from '../registration.ts';
import { isWrongPassword } from '../scheduling/connect-failure.ts';
import type { Backend } from '../wire/backend.ts';
import { openBackend } from '../wire/open.ts';
import type { LoginPool } from './login-pool.ts';
import { CONNECT_TIMEOUT_MS } from './tuning.ts';

/**
 * Opens a connection of the pool's login: with what its last login left, or else with its passwords, the next one when Postgres refuses one. Rejects
 * with the last refusal.
 */
export async function connectLogin(pool: LoginPool, signal: AbortSignal): Promise<Backend> {
  const { login, scramMemory } = pool;
  const { passwords, user } = login;
  let refusal: unknown;
  for (const password of passwords) {
    try {
      return await openBackend({ ...optionsOf(pool), user, password, scramMemory }, signal);
    } catch (error) {
      if (!isWrongPassword(error)) throw error;
      scramMemory.forget();
      refusal = error;
    }
  }
  throw refusal;
}

function optionsOf(pool: LoginPool) {
  const { applicationName, settings, tls, maxRowBytes, socketDirectory } = pool.context.connection;
  const { host, port } = pool.server;
  const socket = socketDirectory(host, port);
  return {
    host: socket ?? host,
    port,
    database: pool.database,
    tls: socket === undefined ? tls : undefined,
    applicationName,
    settings: { ...settings, ...settingsOf(pool.tenant.registration) },
    maxRowBytes,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  };
}
