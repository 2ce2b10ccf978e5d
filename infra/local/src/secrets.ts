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

const secretsSchema = z.strictObject({
  master_password: z.string(),
  postgres_superuser_password: z.string(),
  postgres_role_passwords: z.record(z.string(), z.string()),
  kafka_passwords: z.record(z.string(), z.string()),
  jwt_private_jwk: z.record(z.string(), z.unknown()),
});

export type Secrets = z.infer<typeof secretsSchema>;

/** The worker's admin login, and the logins of the services that keep tables. */
const POSTGRES_ROLES = ['ultracore_admin', ...CONTROL_PLANE.map(({ role }) => role)];

/**
 * The data directory's secrets, made once and kept in `secrets.json` (mode 0600): with another master password no tenant's
 * credential would open any more. Principals and roles that came later are added.
 */
export async function loadSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<Secrets> {
  const file = join(dataDir, 'secrets.json');
  const kept = existsSync(file) ? parse(file) : undefined;
  const secrets: Secrets = {
    master_password: env['ULTRACORE_MASTER_PASSWORD'] || kept?.master_password || password(),
    postgres_superuser_password: kept?.postgres_superuser_password ?? password(),
    postgres_role_passwords: withMissing(kept?.postgres_role_passwords, POSTGRES_ROLES),
    kafka_passwords: withMissing(kept?.kafka_passwords, KAFKA_PRINCIPALS),
    jwt_private_jwk: kept?.jwt_private_jwk ?? (await newSigningKey()),
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
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
