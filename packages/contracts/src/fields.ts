import { z } from 'zod';

// The building blocks of message bodies. Bounds are those of the columns of `tenant_configs` where a field ends up there.

/** Lower-case only: ids are compared as text. */
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  .meta({ format: 'uuid' });

/** ISO 8601 in UTC, ending in `Z`. */
export const time = z.iso.datetime();

// Patterns that reach the JSON Schemas keep to what every regex engine has; what needs Unicode properties is refined on top.
const CONTROL = String.raw`\u0000-\u001F\u007F-\u009F\u2028\u2029`;
const HIDDEN_OR_EMOJI = /[\p{Cs}\p{Co}\p{Emoji_Presentation}\uFE0F\u202A-\u202E\u2066-\u2069]/u;

/** A firm's name: up to 255 characters, no control, bidirectional-override or emoji characters, no space at either end. */
export const tenantName = z
  .string()
  .min(1)
  .max(255)
  .regex(
    new RegExp(`^[^\\s${CONTROL}](?:[^${CONTROL}]*[^\\s${CONTROL}])?$`),
    'a name has no control characters and no space at either end',
  )
  .refine((name) => !HIDDEN_OR_EMOJI.test(name), 'a name has no emoji and no hidden formatting characters');

export const email = z.email().max(254);

/** Who did it: a user's subject, an e-mail address, or a service's name. */
export const actor = z
  .string()
  .min(1)
  .max(255)
  .regex(new RegExp(`^[^${CONTROL}]+$`));

export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[!-~]+$/);
export const port = z.int().min(1).max(65_535);

/** A Postgres identifier as the platform makes them: never in need of quotes. */
export const identifier = z
  .string()
  .max(63)
  .regex(/^[a-z_][a-z0-9_]*$/);

/** A stable word for machines: an error code, a step, a resource, a metric. */
export const slug = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_.:-]*$/);

/** What Postgres calls an error, see Appendix A of its manual. */
export const sqlState = z.string().regex(/^[0-9A-Z]{5}$/);

export const REASON_MAX_LENGTH = 2000;
export const reason = z.string().min(1).max(REASON_MAX_LENGTH);

/** Any text made fit for a `reason` field: never empty, without NUL, clipped to its length. */
export const toReason = (text: string): string => {
  const clean = text.replaceAll('\0', '').trim();
  if (clean === '') return 'no reason given';
  return clean.length > REASON_MAX_LENGTH ? `${clean.slice(0, REASON_MAX_LENGTH - 1).toWellFormed()}…` : clean;
};

export const migrationVersion = z
  .string()
  .max(64)
  .regex(/^[0-9A-Za-z][0-9A-Za-z._-]*$/);

export const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
export const amount = z.number().min(0).max(1e15);
export const attempt = z.int().min(1).max(10_000);
export const retentionDays = z.int().min(0).max(36_500);

export const sealedPassword = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[!-~]+$/);
export const keyId = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-]+$/);
export const encryptionAlgorithm = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[!-~]+$/);

/** A login pair as it is sealed: what `TenantCredentialsIssuedEvent` and `TenantPasswordRotatedEvent` say. */
export const credentialFields = {
  db_username: identifier,
  db_password_encrypted: sealedPassword,
  readonly_db_username: identifier,
  readonly_db_password_encrypted: sealedPassword,
  encryption_algorithm: encryptionAlgorithm,
  key_id: keyId,
};

export const replicaFields = { readonly_db_host: host, readonly_db_port: port };

/** What a failure says: where, which of the known faults, and in words. */
export const failureFields = { step: slug, code: slug, reason };

/** Which change of what is known of a home's schema this is: 1 for the first in its life. */
export const driftChange = z.int().min(1).max(1_000_000_000);
/** SHA-256, in hex, of all differences of a home from what its version should look like. */
export const driftFingerprint = z.string().regex(/^[0-9a-f]{64}$/);
