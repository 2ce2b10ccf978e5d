export {
  bindEmitter,
  bindIterable,
  bindStream,
  bindTenant,
  currentContext,
  findTenant,
  getTenant,
  runWithoutTenant,
  runWithTenant,
  setTenant,
} from './default-storage.ts';
export { isTenantContextError, TENANT_CONTEXT_ERROR_CODES, TenantContextError } from './errors.ts';
export type { TenantContextErrorCode } from './errors.ts';
export { fromHttpHeader, TENANT_HEADER, toHttpHeaders } from './http-header.ts';
export type { HttpHeaders } from './http-header.ts';
export { fromKafkaEvent } from './kafka-event.ts';
export type { KafkaEvent } from './kafka-event.ts';
export { withTenantContext } from './kafka-handler.ts';
export type { KafkaDelivery, WithTenantContextOptions } from './kafka-handler.ts';
export { tenantIsolation } from './tenant-isolation.ts';
export type { TenantIsolationOptions } from './tenant-isolation.ts';
export { createTenantStorage } from './tenant-storage.ts';
export type { TenantContext, TenantStorage } from './tenant-storage.ts';
