import { z } from 'zod';
import { actor, email, migrationVersion, reason, replicaFields, retentionDays, slug, tenantName, time, uuid } from '../fields.ts';
import { configKeySchema, resourceTypeSchema, settingFields, tenantSettingsSchema, tierSchema } from '../tenant.ts';
import { TOPICS } from '../topics.ts';
import { configValueSchema } from './config.ts';
import { body, defineMessage } from './define.ts';

/**
 * What can be put into a request. Which of these a deployment takes from Kafka is configured; purge, legal hold and grants
 * are not among them, so they cannot be.
 */
export const requestedCommandSchema = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('create'),
    tenant_name: tenantName,
    tier: tierSchema,
    owner_email: email,
    settings: tenantSettingsSchema.partial().optional(),
  }),
  z.strictObject({ name: z.literal('configure'), config_key: configKeySchema, new_value: configValueSchema }),
  z.strictObject({
    name: z.literal('resize'),
    min_connections: settingFields.min_connections,
    max_connections: settingFields.max_connections,
    reason,
  }),
  z.strictObject({ name: z.literal('scale'), resource_type: resourceTypeSchema, new_limit: z.number().min(0), reason }),
  z.strictObject({ name: z.literal('suspend'), reason }),
  z.strictObject({ name: z.literal('reactivate') }),
  z.strictObject({ name: z.literal('terminate'), reason, data_retention_days: retentionDays }),
  z.strictObject({ name: z.literal('retry') }),
  z.strictObject({ name: z.literal('rotate'), reason }),
  z.strictObject({ name: z.literal('migrate'), target_version: migrationVersion }),
  z.strictObject({ name: z.literal('add_replica'), ...replicaFields }),
  z.strictObject({ name: z.literal('remove_replica') }),
]);
export type RequestedCommand = z.infer<typeof requestedCommandSchema>;

export const tenantCommandRequested = defineMessage({
  topic: TOPICS.requests,
  owner: 'producer',
  kind: 'request',
  type: 'TenantCommandRequestedEvent',
  timeField: 'requested_at',
  schema: body({ request_id: uuid, command: requestedCommandSchema, requested_by: actor, requested_at: time }),
});

/** The answer to a request that was refused. One that was taken is answered by the events it led to. */
export const tenantCommandRejected = defineMessage({
  topic: TOPICS.requests,
  owner: 'registry',
  kind: 'state',
  type: 'TenantCommandRejectedEvent',
  timeField: 'rejected_at',
  schema: body({ request_id: uuid, code: slug, detail: reason, rejected_at: time }),
});
