import { HEADERS, TENANT_ID_PATTERN, type HeaderValue } from '@ultracore/contracts';
import { TenantContextError } from './errors.ts';
import type { TenantContext } from './tenant-storage.ts';

/** What of a record says whose it is. Messages of kafkajs fit. */
export interface KafkaEvent {
  readonly key?: Uint8Array | string | null;
  readonly headers?: Readonly<Record<string, HeaderValue>> | undefined;
}

const LONGEST_HEADER = 512;

const textOf = (value: Uint8Array | string): string => (typeof value === 'string' ? value : new TextDecoder().decode(value));

/** Throws `event_tenant_mismatch` for a header given more than once: each reader would believe another of them. */
const headerOf = ({ headers }: KafkaEvent, name: string): string | undefined => {
  const value = headers?.[name];
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    throw new TenantContextError('event_tenant_mismatch', `the header ${name} is given more than once`);
  }
  return textOf(value);
};

/**
 * The tenant of a CloudEvents message: its header `ce_tenantid`. The record's key must be the same id, because the order of a tenant's
 * messages hangs on it, and so must the subject where it is a tenant or a tenant's stream. Throws `event_tenant_missing`,
 * `event_tenant_invalid` (a beat of the directory too: it is of no tenant) or `event_tenant_mismatch`.
 */
export const fromKafkaEvent = (event: KafkaEvent): string => {
  const tenantId = headerOf(event, HEADERS.tenantId);
  if (tenantId === undefined) throw new TenantContextError('event_tenant_missing', 'the message has no header ce_tenantid');
  if (!TENANT_ID_PATTERN.test(tenantId)) {
    throw new TenantContextError('event_tenant_invalid', 'the header ce_tenantid of the message is not a tenant id');
  }
  if (event.key === undefined || event.key === null || textOf(event.key) !== tenantId) {
    throw new TenantContextError('event_tenant_mismatch', 'the key of the message is not the tenant of its header ce_tenantid');
  }
  const subject = headerOf(event, HEADERS.subject);
  if (subject?.startsWith('tenant-') && subject !== tenantId && subject !== `tenant-${tenantId}`) {
    throw new TenantContextError(
      'event_tenant_mismatch',
      'the subject of the message is another tenant than its header ce_tenantid',
    );
  }
  return tenantId;
};

/** The context in which a message is handled; throws as `fromKafkaEvent` does. */
export const contextOfEvent = (event: KafkaEvent): TenantContext => {
  const tenantId = fromKafkaEvent(event);
  const principal = optional(event, HEADERS.source);
  const correlationId = optional(event, HEADERS.correlationId);
  const traceparent = optional(event, HEADERS.traceparent);
  return {
    tenantId,
    ...(principal === undefined ? {} : { principal }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};

/** Of headers that decide nothing: what is unusable is left out. */
const optional = ({ headers }: KafkaEvent, name: string): string | undefined => {
  const value = headers?.[name];
  if (value === undefined || Array.isArray(value)) return undefined;
  const text = textOf(value);
  return text === '' || text.length > LONGEST_HEADER ? undefined : text;
};
