import { z } from 'zod';
import { actor, count, credentialFields, failureFields, keyId, migrationVersion, reason, slug, time } from '../fields.ts';
import { grantRoleSchema } from '../tenant.ts';
import { TOPICS } from '../topics.ts';
import { body, defineMessage } from './define.ts';

const registry = { topic: TOPICS.security, owner: 'registry', kind: 'state' } as const;
const worker = { topic: TOPICS.security, owner: 'provisioning-worker', kind: 'fact' } as const;

/** The next credential: sealed and announced before any role is touched, not yet in force. */
export const tenantCredentialsIssued = defineMessage({
  ...worker,
  type: 'TenantCredentialsIssuedEvent',
  timeField: 'issued_at',
  schema: body({ ...credentialFields, issued_at: time }),
});

/** The credential that is now in force. */
export const tenantPasswordRotated = defineMessage({
  ...worker,
  type: 'TenantPasswordRotatedEvent',
  timeField: 'rotated_at',
  schema: body({ ...credentialFields, rotated_at: time }),
});

/** The same passwords, sealed with another key: what was sealed with `previous_key_id` may be forgotten. */
export const tenantCredentialsResealed = defineMessage({
  ...worker,
  type: 'TenantCredentialsResealedEvent',
  timeField: 'resealed_at',
  schema: body({ ...credentialFields, previous_key_id: keyId, resealed_at: time }),
});

export const tenantPasswordRotationRequested = defineMessage({
  ...registry,
  type: 'TenantPasswordRotationRequestedEvent',
  timeField: 'requested_at',
  schema: body({ requested_by: actor, reason, requested_at: time }),
});

export const tenantPasswordRotationFailed = defineMessage({
  ...worker,
  type: 'TenantPasswordRotationFailedEvent',
  timeField: 'failed_at',
  schema: body({ ...failureFields, failed_at: time }),
});

export const tenantAccessGranted = defineMessage({
  ...registry,
  type: 'TenantAccessGrantedEvent',
  timeField: 'granted_at',
  schema: body({ user_id: actor, role: grantRoleSchema, granted_by: actor, granted_at: time }),
});

export const tenantAccessRevoked = defineMessage({
  ...registry,
  type: 'TenantAccessRevokedEvent',
  timeField: 'revoked_at',
  schema: body({ user_id: actor, role: grantRoleSchema, revoked_by: actor, revoked_at: time }),
});

export const ISOLATION_VERDICTS = ['isolated', 'breached', 'inconclusive'] as const;

/** Recorded when the verdict changes. */
export const tenantIsolationVerified = defineMessage({
  topic: TOPICS.security,
  owner: 'data-product',
  kind: 'fact',
  type: 'TenantIsolationVerifiedEvent',
  timeField: 'verified_at',
  schema: body({
    verdict: z.enum(ISOLATION_VERDICTS),
    probes_run: count,
    failed_probes: z.array(slug).max(1000),
    corpus_version: migrationVersion.optional(),
    verified_at: time,
  }),
});
