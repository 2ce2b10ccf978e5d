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
