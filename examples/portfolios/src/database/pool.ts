import type { Logger } from '@ultracore/service';
import { currentContext, findTenant } from '@ultracore/tenant-context';
import {
  createTenantConnectionPoolManager,
  isPoolError,
  isWireError,
  type PoolErrorCode,
  type TenantRegistration,
  type WireError,
} from '@ultracore/tenant-pool';
import { z } from 'zod';
import { DatabaseError, type DatabaseFault } from './database-error.ts';
import { isDenied } from './gateway-problem.ts';
import type { TenantDatabase } from './tenant-database.ts';

/** Connections of this process to one server, over all its tenants. */
const SERVER_BUDGET = 20;
const TIMEOUT_MS = 10_000;
const ROWS_AT_ONCE = 500;

export interface PoolOptions {
  readonly tenants: readonly TenantRegistration[];
  readonly logger: Logger;
}

export interface PoolDatabase extends TenantDatabase {
  close(): Promise<void>;
}

/** Tenants' databases over connections of one's own: faster by a hop, and one's own to keep within budgets and to ask who may do what. */
export const createPoolDatabase = ({ tenants, logger }: PoolOptions): PoolDatabase => {
  const manager = createTenantConnectionPoolManager({
    applicationName: 'example-portfolios',
    serverBudgets: () => SERVER_BUDGET,
    statementTimeoutMs: TIMEOUT_MS,
    currentTenant: findTenant,
    logger,
  });
  for (const tenant of tenants) manager.registerTenant(tenant);

  const isReadonly = () => currentContext()?.readonly === true;

  return {
    async query(row, { sql, params }) {
      const { rows } = await manager.query(sql, params, { readonly: isReadonly() }).catch(rethrow);
      return z.array(row).parse(rows);
    },
    transaction: (statements) =>
      manager
        .transaction(
          async (transaction) => {
            const results: unknown[][] = [];
            for (const { sql, params } of statements) results.push((await transaction.query(sql, params)).rows);
            return results;
          },
          { readonly: isReadonly() },
        )
        .catch(rethrow),
    async *stream(row, { sql, params }) {
      await using connection = await manager.getPool(undefined, { readonly: isReadonly() }).acquire().catch(rethrow);
      await connection.begin('repeatable read').catch(rethrow);
      await connection.query(`declare portion no scroll cursor for ${sql}`, params).catch(rethrow);
      for (;;) {
        const { rows } = await connection.query(`fetch ${ROWS_AT_ONCE} from portion`).catch(rethrow);
        for (const value of rows) yield row.parse(value);
        if (rows.length < ROWS_AT_ONCE) break;
      }
      await connection.commit().catch(rethrow);
    },
    close: () => manager.close(),
  };
};

/** A tenant that we have no login for is none of ours; the rest may be better in a moment. */
const faultOf = (code: PoolErrorCode): DatabaseFault => {
  if (code === 'unknown_tenant' || code === 'tenant_removed') return 'refused';
  if (code === 'transaction_rolled_back' || code === 'bad_parameter') return 'rejected';
  return code === 'closed' ? 'unavailable' : 'busy';
};

const rethrow = (error: unknown): never => {
  if (isPoolError(error)) {
    const fault = faultOf(error.code);
    throw new DatabaseError(error.code, error.message, { fault, status: fault === 'refused' ? 403 : 503, cause: error });
  }
  if (isWireError(error)) throw fromWire(error);
  throw error;
};

const fromWire = (error: WireError): DatabaseError => {
  const { code, message, sqlstate = '' } = error;
  const options = { sqlstate, cause: error };
  if (isDenied(sqlstate)) return new DatabaseError('sql_error', message, { ...options, fault: 'refused', status: 403 });
  // Serialization, resources, shutdown, and everything that is not an answer of Postgres: another time it may go well.
  const isPassing = code !== 'postgres' || /^(40|53|57)/.test(sqlstate);
  if (isPassing) return new DatabaseError(code, message, { ...options, fault: 'busy', status: 503 });
  return new DatabaseError('sql_error', message, { ...options, fault: 'rejected', status: 422 });
};
