export { createCheckpoint, type Checkpoint } from './checkpoint.ts';
export { dumpSchema } from './dump-schema.ts';
export { PostgresError, sqlStateOf, type PostgresErrorCode } from './errors.ts';
export { holdLease, type HoldLeaseOptions, type LeaseHolder } from './hold-lease.ts';
export { createLease, type Lease, type LeaseOptions, type LeaseToken } from './lease.ts';
export { migrate, type MigrateOptions, type MigrateResult } from './migrate.ts';
export { createPool, type PoolLogger, type PoolOptions, type Queryable } from './pool.ts';
export { quoteIdent, quoteLiteral } from './quote.ts';
export { transaction, type Isolation, type TransactionOptions } from './transaction.ts';
