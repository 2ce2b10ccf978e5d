import {
  actorSchema,
  CONFIG_KEYS,
  emailSchema,
  grantRoleSchema,
  hostSchema,
  reasonSchema,
  resourceTypeSchema,
  tenantNameSchema,
  uuidSchema,
  type ResourceType,
} from '@ultracore/contracts';
import { z } from 'zod';
import { checkedSettings } from './schemas.ts';

const noNul = /^[^\0]*$/;
const reason = reasonSchema.regex(noNul, 'must not hold NUL characters').describe('Why, for the record.');

/** An empty object or nothing at all. */
export const emptyBody = z.strictObject({}).nullish();
export const reasonBody = z.strictObject({ reason });

export const terminateBody = z.strictObject({
  reason,
  data_retention_days: z
    .int()
    .min(0)
    .max(36_500)
    .optional()
    .describe(
      'For how long the data of a tenant is kept that has been active; 30 when left out. One that never was has none: 0 is recorded.',
    ),
});

export const purgeBody = z.strictObject({
  reason,
  confirm: z.string().max(100).describe('The id of the tenant, once more.'),
  before_retention_ends: z.boolean().optional().describe('Purge although the data is to be kept for longer.'),
});

const { min_connections: minConnections, max_connections: maxConnections, ...configurable } = checkedSettings;

export const configBody = z
  .strictObject({ ...configurable, tenant_name: tenantNameSchema, owner_email: emailSchema })
  .partial()
  .refine((body) => CONFIG_KEYS.some((key) => body[key] !== undefined), {
    message: `needs one of ${CONFIG_KEYS.join(', ')}`,
    params: { code: 'nothing_to_change' },
  });

export const poolBody = z.strictObject({ min_connections: minConnections, max_connections: maxConnections, reason });

const LIMITS: Readonly<Record<ResourceType, z.ZodType<number>>> = {
  cpu: checkedSettings.max_cpu_percent,
  memory: checkedSettings.max_memory_mb,
  storage: checkedSettings.max_storage_gb,
  connections: checkedSettings.max_connections,
  queries: checkedSettings.max_concurrent_queries,
};

export const scaleBody = z
  .strictObject({
    resource_type: resourceTypeSchema,
    new_limit: z.number(),
    reason,
    recommendation_id: uuidSchema.optional().describe('The recommendation that is followed.'),
  })
  .superRefine(({ resource_type: resource, new_limit: limit }, context) => {
    const checked = LIMITS[resource].safeParse(limit);
    for (const { message } of checked.error?.issues ?? []) context.addIssue({ code: 'custom', path: ['new_limit'], message });
  });

export const replicaBody = z.strictObject({ readonly_db_host: hostSchema, readonly_db_port: z.int().min(1).max(65_535) });
export const targetVersion = z
  .string()
  .max(64)
  .regex(/^[0-9A-Za-z][0-9A-Za-z._-]*$/);
export const migrateBody = z.strictObject({ target_version: targetVersion });
export const grantBody = z.strictObject({ role: grantRoleSchema });
/** The subject of the user's tokens, or the address that they prove. */
export const userId = actorSchema;
