import {
  GRANT_ROLES,
  actorSchema,
  checkTenantId,
  emailSchema,
  settingFields,
  TENANT_ID_PATTERN,
  tenantNameSchema,
  tenantStatusSchema,
  tierSchema,
} from '@ultracore/contracts';
import { z } from 'zod';

const newTenantId = z
  .string()
  .superRefine((id, context) => {
    const checked = checkTenantId(id);
    if (!checked.ok) context.addIssue({ code: 'custom', message: checked.detail, params: { code: checked.code } });
  })
  .meta({ pattern: TENANT_ID_PATTERN.source, description: 'Left out: derived from the Idempotency-Key, or made up.' });

const isTimeZone = (name: string): boolean => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

const timezone = settingFields.timezone.refine(isTimeZone, {
  message: 'must be a time zone of the IANA database',
  params: { code: 'unknown_timezone' },
});

/** As many decimals as are kept: what is shown of a tenant is what was asked for. */
const decimal = (schema: z.ZodNumber) =>
  schema.refine((value) => Number(value.toFixed(2)) === value, {
    message: 'must not have more than two decimals',
    params: { code: 'too_many_decimals' },
  });

/** The settings of the contract, checked further where the contract leaves it to the registry. */
export const checkedSettings = {
  ...settingFields,
  timezone,
  max_cpu_percent: decimal(settingFields.max_cpu_percent),
  max_memory_mb: decimal(settingFields.max_memory_mb),
  max_storage_gb: decimal(settingFields.max_storage_gb),
};

export const wantedSettings = z.object(checkedSettings).partial();

/** `POST /v1/tenants`. Settings that are left out are the deployment's or the tier's. */
export const createTenantBody = z.strictObject({
  tenant_id: newTenantId.optional(),
  tenant_name: tenantNameSchema,
  tier: tierSchema,
  owner_email: emailSchema,
  created_by: actorSchema.optional().describe('Left out: the caller.'),
  server: z.string().min(1).max(100).optional().describe('Name of the Postgres server to place the tenant on.'),
  ...wantedSettings.shape,
});
export type CreateTenantBody = z.infer<typeof createTenantBody>;

/** A key as RFC 9110 would allow it in a header, without spaces at its ends. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .max(255)
    .regex(/^[!-~](?:[ -~]*[!-~])?$/, 'must be printable ASCII')
    .optional(),
});

export const conditionalHeaders = idempotencyHeaders.extend({
  'if-match': z
    .string()
    .regex(/^(?:\*|"\d{1,15}")$/, 'must be * or an ETag of this tenant, like "3"')
    .optional(),
});

export const tenantParams = z.object({ tenant_id: z.string().max(50).regex(TENANT_ID_PATTERN) });

const nullable = <Schema extends z.ZodType>(schema: Schema) => schema.nullable();

/** What a tenant's row shows: everything but passwords, sealed ones included. */
const shownTenant = {
  tenant_id: z.string(),
  tenant_name: z.string(),
  tier: tierSchema,
  status: tenantStatusSchema,
  owner_email: z.string(),
  db_host: nullable(z.string()),
  db_port: nullable(z.number()),
  db_name: nullable(z.string()),
  db_username: nullable(z.string()),
  schema_name: nullable(z.string()),
  readonly_db_host: nullable(z.string()),
  readonly_db_port: nullable(z.number()),
  readonly_db_username: nullable(z.string()),
  min_connections: z.number(),
  max_connections: z.number(),
  connection_timeout_seconds: z.number(),
  idle_timeout_seconds: z.number(),
  max_cpu_percent: z.number(),
  max_memory_mb: z.number(),
  max_storage_gb: z.number(),
  max_concurrent_queries: z.number(),
  timezone: z.string(),
  locale: z.string(),
  auto_update: z.boolean(),
  auto_scale: z.boolean(),
  encryption_algorithm: nullable(z.string()),
  created_at: z.string(),
  updated_at: z.string(),
  created_by: nullable(z.string()),
};

const request = nullable(
  z.object({ request_id: z.string(), outcome: z.enum(['open', 'done', 'failed', 'cancelled']), requested_at: z.string() }),
);

/** A tenant as the fold of its stream: never behind. */
export const tenantView = z.object({
  ...shownTenant,
  revision: z.number().describe('Of the last event in the tenant’s stream.'),
  life: z.number(),
  provisioning: z.object({
    request_id: z.string(),
    attempt: z.number(),
    outcome: z.enum(['open', 'done', 'failed', 'cancelled']),
    requested_at: z.string(),
  }),
  failure: nullable(z.object({ step: z.string(), code: z.string(), reason: z.string(), failed_at: z.string() })),
  migration_version: nullable(z.string()),
  schema_drift: nullable(
    z.object({
      migration_version: z.string(),
      detected_at: z.string(),
      difference_count: z.number(),
      differences: z.array(z.string()).describe('The first 50 of them.'),
    }),
  ).describe('How the home was last seen to differ from what its version of the migrations should look like; null: not at all.'),
  /** The last request of each kind. */
  requests: z.object({ rotate: request, purge: request, migrate: request, verify_replica: request }),
  legal_hold: z.boolean(),
  activated_at: nullable(z.string()),
  suspended_at: nullable(z.string()),
  terminated_at: nullable(z.string()),
  purge_after: nullable(z.string()),
  purged_at: nullable(z.string()),
});
export type TenantView = z.infer<typeof tenantView>;

export const grantList = z.object({ grants: z.array(z.object({ user_id: z.string(), role: z.enum(GRANT_ROLES) })) });

const MAX_PAGE = 200;
const limit = z.coerce.number().int().min(1).max(MAX_PAGE).default(50);

export const listQuery = z.strictObject({
  status: tenantStatusSchema.optional(),
  tier: tierSchema.optional(),
  drift: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .describe('Whether the home is known not to be what its version of the migrations should look like.'),
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before.'),
  limit,
});

export const listedTenant = z.object(shownTenant);
export const tenantList = z.object({ tenants: z.array(listedTenant), next_cursor: nullable(z.string()) });

export const historyQuery = z.strictObject({
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before.'),
  limit,
});

export const historyHeaders = z.object({
  accept: z.string().max(1_000).optional(),
  'last-event-id': z
    .string()
    .regex(/^\d{1,15}$/, 'must be the id of an event of this stream: a revision')
    .optional(),
});

export const history = z.object({
  events: z.array(
    z.object({
      event_id: z.string(),
      type: z.string(),
      revision: z.number(),
      time: z.string(),
      actor: nullable(z.string()),
      correlation_id: nullable(z.string()),
      causation_id: nullable(z.string()),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
  next_cursor: nullable(z.string()),
});
