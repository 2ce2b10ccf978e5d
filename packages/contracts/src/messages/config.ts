import { z } from 'zod';
import { actor, reason, replicaFields, slug, time } from '../fields.ts';
import { configKeySchema, settingFields } from '../tenant.ts';
import { TOPICS } from '../topics.ts';
import { body, defineMessage } from './define.ts';

const registry = { topic: TOPICS.config, owner: 'registry', kind: 'state' } as const;
const worker = { topic: TOPICS.config, owner: 'provisioning-worker', kind: 'fact' } as const;

export const configValueSchema = z.union([z.string().max(255), z.number(), z.boolean()]);

export const tenantConfigUpdated = defineMessage({
  ...registry,
  type: 'TenantConfigUpdatedEvent',
  timeField: 'updated_at',
  schema: body({
    config_key: configKeySchema,
    old_value: configValueSchema.nullable(),
    new_value: configValueSchema,
    updated_by: actor,
    updated_at: time,
  }),
});

export const tenantConnectionPoolResized = defineMessage({
  ...registry,
  type: 'TenantConnectionPoolResizedEvent',
  timeField: 'resized_at',
  schema: body({
    old_min_connections: settingFields.min_connections,
    new_min_connections: settingFields.min_connections,
    old_max_connections: settingFields.max_connections,
    new_max_connections: settingFields.max_connections,
    reason,
    resized_by: actor,
    resized_at: time,
  }),
});

export const tenantReadReplicaRequested = defineMessage({
  ...registry,
  type: 'TenantReadReplicaRequestedEvent',
  timeField: 'requested_at',
  schema: body({ ...replicaFields, requested_by: actor, requested_at: time }),
});

export const tenantReadReplicaVerified = defineMessage({
  ...worker,
  type: 'TenantReadReplicaVerifiedEvent',
  timeField: 'verified_at',
  schema: body({ ...replicaFields, verified_at: time }),
});

export const tenantReadReplicaRejected = defineMessage({
  ...worker,
  type: 'TenantReadReplicaRejectedEvent',
  timeField: 'rejected_at',
  schema: body({ ...replicaFields, code: slug, reason, rejected_at: time }),
});

export const tenantReadReplicaAdded = defineMessage({
  ...registry,
  type: 'TenantReadReplicaAddedEvent',
  timeField: 'added_at',
  schema: body({ ...replicaFields, added_at: time }),
});

export const tenantReadReplicaRemoved = defineMessage({
  ...registry,
  type: 'TenantReadReplicaRemovedEvent',
  timeField: 'removed_at',
  schema: body({ ...replicaFields, removed_by: actor, removed_at: time }),
});
