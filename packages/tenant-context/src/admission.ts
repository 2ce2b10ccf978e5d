import type { TenantStatus } from '@ultracore/contracts';
import { ProblemError } from '@ultracore/service';
import type { FastifyRequest } from 'fastify';
import { isTenantContextError } from './errors.ts';
import { fromHttpHeader, hasTenantHeader } from './http-header.ts';
import type { TenantContext } from './tenant-storage.ts';

type Awaitable<Value> = Value | Promise<Value>;

export interface AdmissionRules {
  /**
   * Whether the caller may act for this tenant. Default: the token names this very tenant (`tenant_id`), which on a server without
   * `@ultracore/service`'s authentication is never so. Asked before `statusOf`, so that nobody learns which tenants there are.
   */
  readonly authorize?: (request: FastifyRequest, tenantId: string) => Awaitable<boolean>;
  /** Undefined: there is no such tenant. A throw: its status is not known at the moment. Left out: it is not checked here. */
  readonly statusOf?: (tenantId: string) => Awaitable<TenantStatus | undefined>;
  /** Which tenant a request is about. Default: the header `X-UltraCore-Tenant-Id`; without one, the token's tenant. */
  readonly tenantOf?: (request: FastifyRequest) => string;
  /** Whether the work only reads. Default: for GET and HEAD. Always, for a token that was issued for reading only. */
  readonly isReadonly?: (request: FastifyRequest) => boolean;
}

const tokenTenantOf = (request: FastifyRequest): string | undefined => request.provenPrincipal?.tenantId;

const namedTenantOf = (request: FastifyRequest): string => {
  const tokenTenant = tokenTenantOf(request);
  return tokenTenant !== undefined && !hasTenantHeader(request.headers) ? tokenTenant : fromHttpHeader(request.headers);
};

const tenantOfRequest = (request: FastifyRequest, tenantOf: (request: FastifyRequest) => string): string => {
  try {
    return tenantOf(request);
  } catch (cause) {
    if (!isTenantContextError(cause)) throw cause;
    throw new ProblemError({ status: 400, code: cause.code, detail: `The tenant is not clear: ${cause.message}.`, cause });
  }
};

const checkStatus = (status: TenantStatus | undefined): void => {
  switch (status) {
    case 'active':
      return;
    case undefined:
      throw new ProblemError({ status: 404, code: 'tenant_unknown', detail: 'There is no such tenant.' });
    case 'suspended':
      throw new ProblemError({ status: 403, code: 'tenant_suspended', detail: 'This tenant is suspended.' });
    case 'provisioning':
    case 'failed':
    case 'terminated':
    case 'purged':
      throw new ProblemError({ status: 409, code: 'tenant_not_active', detail: `This tenant is ${status}.` });
    default:
      throw new TypeError(`unknown status ${String(status satisfies never)}`);
  }
};

const knownStatusOf = async (
  statusOf: NonNullable<AdmissionRules['statusOf']>,
  tenantId: string,
): Promise<TenantStatus | undefined> => {
  try {
    return await statusOf(tenantId);
  } catch (cause) {
    throw new ProblemError({
      status: 503,
      code: 'tenant_status_unknown',
      detail: 'Whether this tenant is active cannot be told at the moment. Try again shortly.',
      headers: { 'retry-after': '1' },
      cause,
    });
  }
};

const contextOf = (
  request: FastifyRequest,
  tenantId: string,
  isReadonly: (request: FastifyRequest) => boolean,
): TenantContext => {
  const principal = request.provenPrincipal?.subject;
  return {
    tenantId,
    // Both are missing on a server that does not name its requests as `@ultracore/service` does.
    correlationId: request.correlationId || request.id,
    ...(principal === undefined ? {} : { principal }),
    ...(request.traceparent ? { traceparent: request.traceparent } : {}),
    ...(isReadonly(request) || request.provenPrincipal?.readonly === true ? { readonly: true } : {}),
  };
};

const tokenNamesIt = (request: FastifyRequest, tenantId: string): boolean => tokenTenantOf(request) === tenantId;

const reads = (request: FastifyRequest): boolean => request.method === 'GET' || request.method === 'HEAD';

/** Decides for whom a request is. Rejects with a `ProblemError`. */
export const createAdmission =
  ({ authorize = tokenNamesIt, statusOf, tenantOf = namedTenantOf, isReadonly = reads }: AdmissionRules) =>
  async (request: FastifyRequest): Promise<TenantContext> => {
    const tenantId = tenantOfRequest(request, tenantOf);
    if (!(await authorize(request, tenantId))) {
      const tokenTenant = tokenTenantOf(request);
      request.log.warn(
        {
          security: 'tenant_refused',
          tenant_id: tenantId,
          own_tenant_id: tokenTenant,
          subject: request.provenPrincipal?.subject,
        },
        'a caller asked for a tenant that is not its own',
      );
      const code = tokenTenant === undefined || tokenTenant === tenantId ? 'tenant_forbidden' : 'tenant_mismatch';
      throw new ProblemError({ status: 403, code, detail: 'The token gives no right to this tenant.' });
    }
    if (statusOf !== undefined) checkStatus(await knownStatusOf(statusOf, tenantId));
    return contextOf(request, tenantId, isReadonly);
  };
