import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCESS } from '@ultracore/kafka-setup';
import { CONTROL_PLANE } from '@ultracore/postgres-setup';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { LauncherError } from './errors.ts';

/** Who may log in to Kafka: its super user, and everyone who has a row in the table of rights. */
const KAFKA_PRINCIPALS = ['admin', ...Object.keys(ACCESS)];

const masterSchema = z.strictObject({ key_id: z.string(), password: z.string() });
type Master = z.infer<typeof masterSchema>;

const secretsSchema = z.strictObject({
  master_password: z.string(),
  master_key_id: z.string().default('k1'),
  /** The master password before the present one, for what may still be sealed with it. */
  previous_master: masterSchema.optional(),
  postgres_superuser_password: z.string(),
  postgres_role_passwords: z.record(z.string(), z.string()),
  kafka_passwords: z.record(z.string(), z.string()),
  jwt_private_jwk: z.record(z.string(), z.unknown()),
});

export type Secrets = z.infer<typeof secretsSchema>;

/** The worker's admin login, and the logins of the services that keep tables. */
const POSTGRES_ROLES = ['ultracore_admin', ...CONTROL_PLANE.map(({ role }) => role)];

/**
 * The data directory's secrets, made once and kept in `secrets.json` (mode 0600): without its master password no tenant's
 * credential would open any more. A new ULTRACORE_MASTER_KEY_ID changes it (to ULTRACORE_MASTER_PASSWORD, or to one made here) and keeps
 * the one before as the previous. Principals and roles that came later are added. Throws `master_password_wrong`, and `master_key_in_use` for a
 * third one: nothing would know any more what is still sealed with the first.
 */
export async function loadSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<Secrets> {
  const file = join(dataDir, 'secrets.json');
  const kept = existsSync(file) ? parse(file) : undefined;
  const secrets: Secrets = {
    ...masters(file, kept, env),
    postgres_superuser_password: kept?.postgres_superuser_password ?? password(),
    postgres_role_passwords: withMissing(kept?.postgres_role_passwords, POSTGRES_ROLES),
    kafka_passwords: withMissing(kept?.kafka_passwords, KAFKA_PRINCIPALS),
    jwt_private_jwk: kept?.jwt_private_jwk ?? (await newSigningKey()),
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

function masters(
  file: string,
  kept: Secrets | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Pick<Secrets, 'master_password' | 'master_key_id' | 'previous_master'> {
  const { ULTRACORE_MASTER_PASSWORD: given, ULTRACORE_MASTER_KEY_ID: givenId } = env;
  const before: Master | undefined = kept && { key_id: kept.master_key_id, password: kept.master_password };
  const known = [before, kept?.previous_master].filter((each) => each !== undefined);
  const keyId = givenId || before?.key_id || 'k1';
  const same = known.find(({ key_id: id }) => id === keyId);
  if (same !== undefined && given && given !== same.password) {
    throw new LauncherError(
      'master_password_wrong',
      `ULTRACORE_MASTER_PASSWORD is not the one of key "${keyId}" in this data directory: leave it out, or set ULTRACORE_MASTER_KEY_ID to an id of its own to change the master password.`,
    );
  }
  if (same === undefined && kept?.previous_master !== undefined) {
    throw new LauncherError(
      'master_key_in_use',
      `Credentials may still be sealed with key "${kept.previous_master.key_id}": start with "${kept.master_key_id}" until worker_sealed_credentials{key_id="${kept.previous_master.key_id}"} of the worker is 0, take previous_master out of ${file}, then change to "${keyId}".`,
    );
  }
  const previous = known.find(({ key_id: id }) => id !== keyId);
  return {
    master_password: same?.password ?? (given || password()),
    master_key_id: keyId,
    ...(previous === undefined ? {} : { previous_master: previous }),
  };
}

function parse(file: string): Secrets {
  const parsed = secretsSchema.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  throw new LauncherError(
    'data_dir_unusable',
    `${file} is damaged: restore it, or start over with --fresh (this deletes all local tenants and their data).`,
    { cause: parsed.error },
  );
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function withMissing(kept: Record<string, string> | undefined, names: readonly string[]): Record<string, string> {
  return { ...Object.fromEntries(names.map((name) => [name, password()])), ...kept };
}

function password(): string {
  return randomBytes(24).toString('base64url');
}

async function newSigningKey(): Promise<Record<string, unknown>> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomBytes(6).toString('hex'), alg: 'ES256', use: 'sig' };
}
