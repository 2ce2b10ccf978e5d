import { TENANT_ID_PATTERN } from '@ultracore/contracts';
import { TenantContextError } from './errors.ts';
import type { TenantContext } from './tenant-storage.ts';

export const TENANT_HEADER = 'x-ultracore-tenant-id';

/** Headers of Node or Fastify, or of fetch. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>> | Pick<Headers, 'get'>;

const isFetchHeaders = (headers: HttpHeaders): headers is Pick<Headers, 'get'> => typeof headers.get === 'function';

const valuesOf = (headers: HttpHeaders): readonly string[] => {
  if (isFetchHeaders(headers)) {
    const value = headers.get(TENANT_HEADER);
    return value === null ? [] : [value];
  }
  return Object.entries(headers).flatMap(([name, value]) =>
    name.toLowerCase() === TENANT_HEADER && value !== undefined ? value : [],
  );
};

/** Whether the caller names a tenant at all. */
export const hasTenantHeader = (headers: HttpHeaders): boolean => valuesOf(headers).length > 0;

/**
 * The tenant that a caller names with `X-UltraCore-Tenant-Id`. It names, and proves nothing: compare it with what the token says. Throws
 * `tenant_header_missing`, `tenant_header_invalid` or `tenant_header_repeated`.
 */
export const fromHttpHeader = (headers: HttpHeaders): string => {
  const [value, ...others] = valuesOf(headers);
  if (value === undefined || value === '') {
    throw new TenantContextError('tenant_header_missing', 'this request needs the header X-UltraCore-Tenant-Id');
  }
  // A repeated header comes as one value, joined with a comma, which no id contains.
  if (others.length > 0 || value.includes(',')) {
    throw new TenantContextError('tenant_header_repeated', 'the header X-UltraCore-Tenant-Id may be given only once');
  }
  if (!TENANT_ID_PATTERN.test(value)) {
    throw new TenantContextError('tenant_header_invalid', 'the header X-UltraCore-Tenant-Id is not a tenant id');
  }
  return value;
};

/** The headers with which a call to another service belongs to the same tenant, request and trace. */
export const toHttpHeaders = ({ tenantId, correlationId, traceparent }: TenantContext): Record<string, string> => ({
  [TENANT_HEADER]: tenantId,
  ...(correlationId === undefined ? {} : { 'x-correlation-id': correlationId }),
  ...(traceparent === undefined ? {} : { traceparent }),
});
