/**
 * One thing that makes a server or a database unfit for tenants. `too_old` and `not_bootstrapped` end a verification;
 * `not_hardened:<what>` names the boundary that is open. `detail` is one sentence for the operator, with the object's name.
 */
export interface Finding {
  readonly code: 'too_old' | 'not_bootstrapped' | `not_hardened:${HardeningFault}`;
  readonly detail: string;
}

export const HARDENING_FAULTS = [
  'catalog_function',
  'public_on_database',
  'public_on_schema',
  'public_on_relation',
  'stray_grant',
  'language',
  'extension',
  'row_security',
  'policy',
  'schema_fault',
  'current_tenant_id',
  'role_attribute',
  'membership',
  'ownership',
  'trust_authentication',
  'prepared_transactions',
] as const;

export type HardeningFault = (typeof HARDENING_FAULTS)[number];
