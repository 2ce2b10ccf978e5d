export { isPoolError, POOL_ERROR_CODES, PoolError, type PoolErrorCode } from './errors.ts';
export type { PooledConnection } from './library/connection.ts';
export type { IsolationLevel, QueryOptions, QueryResult, Transaction, TransactionOptions } from './library/query-options.ts';
export type { PoolLogger } from './pool/context.ts';
export type { ManagerStats, RoleStats, ServerStats, TenantPoolStats, TenantUsage, Usage } from './pool/counters.ts';
export type { LeaseOptions } from './pool/lease.ts';
export {
  createTenantConnectionPoolManager,
  type TenantConnectionPoolManager,
  type TenantConnectionPoolManagerOptions,
} from './pool/manager.ts';
export type { Lane, PoolSink, StreamControl, SubmissionHandle, SubmitRequest } from './pool/submit-request.ts';
export type { TenantPool } from './pool/tenant-pool.ts';
export type { PoolMode } from './pool/tenant.ts';
export type { ServerAddress, TenantLogin, TenantRegistration } from './registration.ts';
export type { Percentiles } from './scheduling/wait-times.ts';
export type {
  Backend,
  BackendOptions,
  BackendState,
  Execution,
  Field,
  ParameterValue,
  ResultSink,
  Statement,
  StatementDescription,
  TransactionStatus,
} from './wire/backend.ts';
export { isWireError, type PostgresErrorFields, WireError, type WireErrorCode } from './wire/errors.ts';
export { openBackend } from './wire/open.ts';
