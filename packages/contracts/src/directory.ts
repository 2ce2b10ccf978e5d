import { z } from 'zod';
import {
  actor,
  attempt,
  credentialFields,
  driftChange,
  driftFingerprint,
  email,
  encryptionAlgorithm,
  host,
  identifier,
  migrationVersion,
  port,
  sealedPassword,
  tenantName,
  time,
  uuid,
} from './fields.ts';
import { tenantIdSchema } from './tenant-id.ts';
import { grantRoleSchema, settingFields, tenantStatusSchema, tierSchema } from './tenant.ts';

export const REQUEST_OUTCOMES = ['open', 'done', 'failed', 'cancelled'] as const;
const outcome = z.enum(REQUEST_OUTCOMES);
export type RequestOutcome = z.infer<typeof outcome>;

const requestState = z.strictObject({ id: uuid, outcome });
export type RequestState = z.infer<typeof requestState>;
const provisionState = z.strictObject({ id: uuid, outcome, attempt });
export type ProvisionState = z.infer<typeof provisionState>;

const credential = z.strictObject({ request_id: uuid, ...credentialFields });
export type DirectoryCredential = z.infer<typeof credential>;

/**
 * One tenant as the directory topic carries it: the row of `tenant_configs` (without the hash, which is always null) and
 * what else the other services need to act. A row supersedes every row of the tenant with a lower `revision`.
 */
export const directoryRowSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  tenant_name: tenantName,
  tier: tierSchema,
  status: tenantStatusSchema,
  owner_email: email,
  db_host: host.nullable(),
  db_port: port.nullable(),
  db_name: identifier.nullable(),
  db_username: identifier.nullable(),
  db_password_encrypted: sealedPassword.nullable(),
  schema_name: identifier.nullable(),
  readonly_db_host: host.nullable(),
  readonly_db_port: port.nullable(),
  readonly_db_username: identifier.nullable(),
  readonly_db_password_encrypted: sealedPassword.nullable(),
  ...settingFields,
  encryption_algorithm: encryptionAlgorithm.nullable(),
  created_at: time,
  updated_at: time,
  created_by: actor.nullable(),
  /** Revision of the tenant's stream of which this row is the fold. */
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** 1 for the first tenant of this id, one more after each purge and new creation. */
  life: z.int().min(1).max(1_000_000),
  /** The request whose home this is, once creation is done. */
  home_request_id: uuid.nullable(),
  /** In force. */
  credential: credential.nullable(),
  /** Issued, not yet in force. */
  next_credential: credential.nullable(),
  /** The last request of each kind. Its id is the `event_id` of the event that asks. */
  requests: z.strictObject({
    provision: provisionState.nullable(),
    rotate: requestState.nullable(),
    migrate: requestState.nullable(),
    purge: requestState.nullable(),
    verify_replica: requestState.nullable(),
  }),
  grants: z.array(z.strictObject({ user_id: actor, role: grantRoleSchema })).max(5000),
  /** Users who had a grant in this life and have none now: no token gives them access. Left out while there is none. */
  revoked_user_ids: z.array(actor).max(5000).optional(),
  /** Of the open request: the version that a home is to be made of, or brought to. Null where there is none, or all that there are will do. */
  target_migration_version: migrationVersion.nullable(),
  purge_after: time.nullable(),
  legal_hold: z.boolean(),
  /** What was last told of the home's schema, null where it was as it should be. Left out while nothing was ever told in this life. */
  schema_drift: z.strictObject({ change: driftChange, fingerprint: driftFingerprint.nullable() }).optional(),
});
export type DirectoryRow = z.infer<typeof directoryRowSchema>;

/** Sent to each partition every second, so that an idle topic and a dead relay look different. */
export const directoryBeatSchema = z.strictObject({ partition: z.int().min(0).max(9999), beat_at: time });
export type DirectoryBeat = z.infer<typeof directoryBeatSchema>;

const BEAT_KEY = /^__beat-\d{1,4}$/;

export const beatKey = (partition: number): string => `__beat-${partition}`;
/** No tenant id starts with `_`, so a beat is never taken for a row. */
export const isBeatKey = (key: string): boolean => BEAT_KEY.test(key);
