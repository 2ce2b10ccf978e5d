export { Counter, Gauge, Histogram, Registry } from 'prom-client';
export {
  createAuthenticator,
  ROLES,
  type Authenticator,
  type AuthenticatorOptions,
  type Principal,
  type Role,
} from './authenticator.ts';
export { createCrashPoints, type OnBoundary } from './crash-points.ts';
export { createDurations, type Durations, type DurationsOptions, type Timer } from './durations.ts';
export { codeOf, ServiceError, type ServiceErrorCode } from './errors.ts';
export { createHealth, type Health, type HealthCheck, type HealthReport } from './health.ts';
export { createHttpServer, SECURITY_HEADERS, type HttpServer, type HttpServerOptions } from './http-server.ts';
export { loadConfig, serviceVariables, variable, type Environment } from './load-config.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { masterKeyRules, masterKeysOf, masterKeyVariables } from './master-keys.ts';
export {
  PROBLEM_MEDIA_TYPE,
  ProblemError,
  problemSchema,
  toProblem,
  type FieldError,
  type Problem,
  type ProblemOptions,
} from './problem.ts';
export { redact, redactText } from './redact.ts';
export { acceptId, continueTrace } from './trace-context.ts';
export { runMain, runService, type RunServiceOptions, type ServicePart } from './run-service.ts';
