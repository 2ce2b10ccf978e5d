export const TENANT_CONTEXT_ERROR_CODES = [
  /** Code that needs a tenant ran outside of every context. */
  'no_tenant',
  /** Not the form of a tenant id. */
  'tenant_invalid',
  /** `setTenant` in code that already works for another tenant. */
  'tenant_conflict',
  'tenant_header_missing',
  'tenant_header_invalid',
  /** More than one value: which of them an intermediary believed is not known. */
  'tenant_header_repeated',
  'event_tenant_missing',
  'event_tenant_invalid',
  /** Headers, key and subject of a message do not name one tenant. */
  'event_tenant_mismatch',
] as const;
export type TenantContextErrorCode = (typeof TENANT_CONTEXT_ERROR_CODES)[number];

/** The one error of this package. Switch on `code`, not on the text. */
export class TenantContextError extends Error {
  readonly code: TenantContextErrorCode;

  constructor(code: TenantContextErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TenantContextError';
    this.code = code;
  }
}

export const isTenantContextError = (error: unknown, ...codes: readonly TenantContextErrorCode[]): error is TenantContextError =>
  error instanceof TenantContextError && (codes.length === 0 || codes.includes(error.code));
