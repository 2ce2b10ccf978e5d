import { z } from 'zod';

/** `_` is not allowed, so `-` → `_` is one to one and every name derived from an id fits Postgres's 63 bytes. */
export const TENANT_ID_PATTERN = /^[a-z](?!.*--)[a-z0-9-]{1,48}[a-z0-9]$/;

const SHAPE_WITHOUT_HYPHEN_RULE = /^[a-z][a-z0-9-]{1,48}[a-z0-9]$/;

/**
 * Ids whose derived names (`ultracore_<id>`, `tenant_<id>`, `uc_<id>`) are, or may become, names of the platform's own
 * databases, schemas and roles.
 */
export const RESERVED_TENANT_IDS: readonly string[] = [
  'admin',
  'analytics',
  'configs',
  'maint',
  'owner',
  'registry',
  'shared',
  'small',
  'template',
  'tenants',
  'worker',
];

export type TenantIdFault = 'tenant_id_pattern' | 'tenant_id_double_hyphen' | 'tenant_id_reserved';
export type TenantIdCheck = { ok: true } | { ok: false; code: TenantIdFault; detail: string };

/** Says which rule an id breaks; total over every input, so that a caller may hand in what came from outside. */
export const checkTenantId = (id: unknown): TenantIdCheck => {
  if (typeof id !== 'string' || !SHAPE_WITHOUT_HYPHEN_RULE.test(id)) {
    return {
      ok: false,
      code: 'tenant_id_pattern',
      detail: 'a tenant id has 3 to 50 characters, a–z, 0–9 and -, starts with a letter and does not end with -',
    };
  }
  if (id.includes('--')) {
    return { ok: false, code: 'tenant_id_double_hyphen', detail: 'a tenant id has no two hyphens in a row' };
  }
  if (RESERVED_TENANT_IDS.includes(id)) {
    return { ok: false, code: 'tenant_id_reserved', detail: `the id "${id}" is reserved for the platform itself` };
  }
  return { ok: true };
};

/**
 * The form of an id, as it travels in messages. That an id is not reserved is a rule of creation (`checkTenantId`): a
 * reserved word added later must not make stored events unreadable.
 */
export const tenantIdSchema = z.string().max(50).regex(TENANT_ID_PATTERN);
