import type { Logger } from '@ultracore/service';
import { getTenant } from '@ultracore/tenant-context';
import type { DatabaseConfig } from '../config.ts';
import { createServiceTokens } from '../identity/service-tokens.ts';
import { createGatewayDatabase } from './gateway.ts';
import { createPoolDatabase } from './pool.ts';
import type { TenantDatabase } from './tenant-database.ts';

export interface Databases {
  /** With the rights of a caller. */
  forCaller(authorization: string): TenantDatabase;
  /** With the rights of this service. */
  readonly forService: TenantDatabase;
  /** Whether what a caller may do is asked where the database is; otherwise whoever lets it in must know. */
  readonly checksCallers: boolean;
  close(): Promise<void>;
}

export const createDatabases = (config: DatabaseConfig, logger: Logger): Databases => {
  if (config.kind === 'pool') {
    const pool = createPoolDatabase({ tenants: config.tenants, logger });
    return { forCaller: () => pool, forService: pool, checksCallers: false, close: () => pool.close() };
  }
  const { url } = config;
  const tokens = createServiceTokens(config.tokens);
  return {
    forCaller: (authorization) => createGatewayDatabase({ url, authorization: () => authorization }),
    forService: createGatewayDatabase({ url, authorization: () => tokens.authorizationFor(getTenant()) }),
    checksCallers: true,
    close: () => Promise.resolve(),
  };
};
