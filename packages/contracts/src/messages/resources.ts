import { z } from 'zod';
import { amount, count, reason, slug, time, uuid } from '../fields.ts';
import { resourceTypeSchema } from '../tenant.ts';
import { TOPICS } from '../topics.ts';
import { body, defineMessage } from './define.ts';

const registry = { topic: TOPICS.resources, owner: 'registry', kind: 'state' } as const;
const optimizer = { topic: TOPICS.resources, owner: 'optimizer', kind: 'observation' } as const;
const predictor = { topic: TOPICS.resources, owner: 'predictor', kind: 'observation' } as const;

/** What one meter saw of a tenant from `window_start` to `recorded_at`. What it does not measure it leaves out. */
export const tenantResourceUsageRecorded = defineMessage({
  topic: TOPICS.resources,
  owner: 'meter',
  kind: 'observation',
  type: 'TenantResourceUsageRecordedEvent',
  timeField: 'recorded_at',
  schema: body({
    /** Which meter, e.g. `pool-gateway.gw-1`: meters of one kind are added up, kinds are not. */
    meter: slug,
    window_start: time,
    recorded_at: time,
    cpu_usage_percent: amount.optional(),
    memory_usage_mb: amount.optional(),
    storage_usage_gb: amount.optional(),
    /** The most at one time in the window. */
    connection_count: count.optional(),
    query_count: count.optional(),
    error_count: count.optional(),
    throttled_count: count.optional(),
    row_count: count.optional(),
    bytes_in: count.optional(),
    bytes_out: count.optional(),
    /** Seconds of work in Postgres, added up over all statements. */
    busy_seconds: amount.optional(),
    /** Connections held × seconds. */
    connection_seconds: amount.optional(),
    /** Seconds that requests waited for a connection, added up. */
    queue_seconds: amount.optional(),
  }),
});

export const tenantResourceLimitExceeded = defineMessage({
  ...optimizer,
  type: 'TenantResourceLimitExceededEvent',
  timeField: 'exceeded_at',
  schema: body({ resource_type: resourceTypeSchema, current_usage: amount, limit: amount, exceeded_at: time }),
});

const scaled = {
  resource_type: resourceTypeSchema,
  old_limit: amount,
  new_limit: amount,
  reason,
  /** The recommendation that was followed, if one was. */
  recommendation_id: uuid.optional(),
  scaled_at: time,
};

export const tenantScaledUp = defineMessage({
  ...registry,
  type: 'TenantScaledUpEvent',
  timeField: 'scaled_at',
  schema: body(scaled),
});

export const tenantScaledDown = defineMessage({
  ...registry,
  type: 'TenantScaledDownEvent',
  timeField: 'scaled_at',
  schema: body(scaled),
});

const evidence = z.strictObject({
  metric: slug,
  value: z.number(),
  unit: z.string().min(1).max(32).optional(),
  window_start: time.optional(),
  window_end: time.optional(),
});

const recommendedValue = z.union([z.string().max(255), z.number()]).nullable();

export const tenantScalingRecommended = defineMessage({
  ...optimizer,
  type: 'TenantScalingRecommendedEvent',
  timeField: 'recommended_at',
  schema: body({
    recommendation_id: uuid,
    /** Which rule spoke. */
    type: slug,
    /** What to do, e.g. `scale_up`. */
    action: slug,
    reason,
    from: recommendedValue,
    to: recommendedValue,
    /** Per month, in the currency of the cost model; below zero when it costs more. */
    potential_savings: z.number().min(-1e12).max(1e12),
    evidence: z.array(evidence).max(50),
    recommended_at: time,
  }),
});

export const tenantResourceForecast = defineMessage({
  ...predictor,
  type: 'TenantResourceForecastEvent',
  timeField: 'forecast_at',
  schema: body({
    resource_type: resourceTypeSchema,
    model: slug,
    horizon_hours: z.int().min(1).max(8760),
    points: z
      .array(z.strictObject({ at: time, value: z.number(), lower: z.number(), upper: z.number() }))
      .min(1)
      .max(1000),
    forecast_at: time,
  }),
});

export const tenantResourceAnomalyDetected = defineMessage({
  ...predictor,
  type: 'TenantResourceAnomalyDetectedEvent',
  timeField: 'detected_at',
  schema: body({
    resource_type: resourceTypeSchema,
    window_start: time,
    value: z.number(),
    expected: z.number(),
    expected_lower: z.number(),
    expected_upper: z.number(),
    score: z.number(),
    detected_at: time,
  }),
});
