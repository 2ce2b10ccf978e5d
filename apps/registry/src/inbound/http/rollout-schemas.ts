import { reasonSchema, TENANT_ID_PATTERN, tierSchema } from '@ultracore/contracts';
import { z } from 'zod';
import { GIVE_UP_AFTER_MINUTES, STOP_CODES } from '../../rollout/events.ts';
import { reasonBody, targetVersion } from './command-bodies.ts';

const canary = z.union([
  z.strictObject({ share: z.number().gt(0).max(0.5).describe('At most this share of the tenants, one at least.') }),
  z.strictObject({ tenant_ids: z.array(z.string().regex(TENANT_ID_PATTERN)).min(1).max(1_000) }),
]);

const scope = z.strictObject({
  tiers: z.array(tierSchema).min(1).optional(),
  tenant_ids: z.array(z.string().regex(TENANT_ID_PATTERN)).min(1).max(10_000).optional(),
});

/** `POST /v1/rollouts`. */
export const rolloutBody = reasonBody.extend({
  target_version: targetVersion,
  canary: canary.optional().describe('Who comes first; a share of 0.01 when left out.'),
  only: scope.optional().describe('Leave everybody else out; nobody when left out.'),
  concurrency: z.int().min(1).max(1_000).default(50).describe('Tenants whose migration may be open at once.'),
  max_failure_share: z.number().min(0).max(0.5).default(0.05).describe('A wave of which more fail stops the rollout.'),
  give_up_after_minutes: z
    .int()
    .min(1)
    .max(10_080)
    .default(GIVE_UP_AFTER_MINUTES)
    .describe('A migration that is open for longer is given up and counts as failed: its server may be away.'),
  dry_run: z.boolean().default(false).describe('Answer with the plan and do nothing.'),
});

export const rolloutParams = z.object({ rollout_id: z.uuid() });

const count = z.number();
const leftOut = z.array(z.object({ code: z.string(), tenants: count }));

export const MOST_SKIPPED_SHOWN = 1_000;

export const rolloutPlan = z.object({
  target_version: z.string(),
  tenants: count,
  waves: z.array(
    z.object({ wave: count, tenants: count, by_tier: z.partialRecord(tierSchema, count), servers: z.array(z.string()) }),
  ),
  canary: z.array(z.string()),
  left_out: leftOut.describe('Tenants that are not part of it, by why.'),
  skipped: z
    .array(z.object({ tenant_id: z.string(), code: z.string() }))
    .describe(`The same one by one, the first ${MOST_SKIPPED_SHOWN} in the order of their ids.`),
});

const status = z.enum(['running', 'stopped', 'completed']);
const identity = {
  rollout_id: z.string(),
  target_version: z.string(),
  reason: reasonSchema,
  status,
  attempt: count,
  wave: count.describe('The last one that has begun; 0 is the canary.'),
  planned_by: z.string(),
  planned_at: z.string(),
};

/** A rollout as the fold of its stream; how its tenants stand is from the projection. */
export const rolloutView = z.object({
  ...identity,
  concurrency: count,
  max_failure_share: count,
  give_up_after_minutes: count,
  waves: z.array(
    z.object({
      wave: count,
      tiers: z.array(tierSchema),
      tenants: count,
      waiting: count,
      running: count,
      done: count,
      failed: count,
      skipped: count,
    }),
  ),
  left_out: leftOut,
  stopped: z.object({ code: z.enum(STOP_CODES), reason: z.string(), by: z.string(), at: z.string() }).nullable(),
  completed_at: z.string().nullable(),
  story: z.array(
    z.object({
      type: z.string(),
      at: z.string(),
      by: z.string().nullable(),
      reason: z.string().nullable(),
      wave: count.nullable(),
    }),
  ),
});
export type RolloutView = z.infer<typeof rolloutView>;

const limit = z.coerce.number().int().min(1).max(200).default(50);
const cursor = z.string().max(200).optional().describe('`next_cursor` of the page before.');

export const rolloutListQuery = z.strictObject({ cursor, limit });
const listedRollout = z.object(identity);
export const rolloutList = z.object({ rollouts: z.array(listedRollout), next_cursor: z.string().nullable() });

export const rolloutTenantsQuery = z.strictObject({
  state: z.enum(['waiting', 'running', 'done', 'failed', 'skipped']).optional(),
  cursor,
  limit,
});
const rolloutTenant = z.object({
  tenant_id: z.string(),
  tier: z.string(),
  wave: count,
  state: z.string(),
  attempt: count,
  request_id: z.string().nullable(),
  code: z.string().nullable().describe('Why it failed or was skipped.'),
  reason: z.string().nullable(),
});
export const rolloutTenantList = z.object({ tenants: z.array(rolloutTenant), next_cursor: z.string().nullable() });

export type ListedRollout = z.infer<typeof listedRollout>;
export type ListedRolloutTenant = z.infer<typeof rolloutTenant>;
