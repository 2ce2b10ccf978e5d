import { setupKafka } from '@ultracore/kafka-setup';
import { bootstrapControlPlane, bootstrapTenantServer } from '@ultracore/postgres-setup';
import { LauncherError } from './errors.ts';
import type { Secrets } from './secrets.ts';
import type { Stack } from './stack-file.ts';
import { postgresUrl } from './summary.ts';
import type { Terminal } from './terminal.ts';

/** Topics, rights and schemas; nothing when the stack lacks Kafka or the schema registry. */
export async function setUpKafka(stack: Stack, terminal: Terminal): Promise<void> {
  const { kafka_brokers: brokers, kafka_principals: principals, schema_registry_url: schemaRegistryUrl } = stack;
  if (brokers === undefined || principals === undefined || schemaRegistryUrl === undefined) return;
  const { admin, ...others } = principals;
  await terminal.step(
    'topics, schemas',
    () => orSetupFailed('Kafka', setupKafka({ brokers, admin, schemaRegistryUrl, principals: others })),
    ({ topicsCreated, aclsGranted, schemasRegistered }) => {
      const made = [
        count(topicsCreated.length, 'topic'),
        count(aclsGranted, 'right'),
        count(schemasRegistered.length, 'schema'),
      ].filter(Boolean);
      return made.length === 0 ? 'up to date' : `${made.join(', ')} made`;
    },
  );
}

/** The server made fit for tenants, and the control plane's databases on it; nothing when the stack lacks Postgres. */
export async function setUpPostgres(stack: Stack, secrets: Secrets, terminal: Terminal): Promise<void> {
  if (stack.postgres === undefined) return;
  const url = postgresUrl(stack.postgres);
  const { ultracore_admin: adminPassword = '', ...services } = secrets.postgres_role_passwords;
  stack.postgres_admin = { user: 'ultracore_admin', password: adminPassword };
  const bootstrap = async () => {
    const results = [await bootstrapTenantServer(url, { adminPassword }), await bootstrapControlPlane(url, services)];
    const findings = results.flatMap((result) => result.findings);
    if (findings.length > 0) throw new Error(findings.map((finding) => finding.detail).join(' '));
    return results.flatMap((result) => result.done);
  };
  await terminal.step(
    'databases, roles',
    () => orSetupFailed('Postgres', bootstrap()),
    (done) => {
      const made = done.filter((sentence) => sentence.startsWith('made')).length;
      return made === 0 ? 'up to date, read back' : `${made} made, hardened, read back`;
    },
  );
}

function count(number: number, what: string): string {
  return number === 0 ? '' : `${number} ${what}${number === 1 ? '' : 's'}`;
}

async function orSetupFailed<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const inWords = reason.replace(new RegExp(`^${what} cannot be set up: `), '');
    throw new LauncherError('setup_failed', `${what} could not be set up: ${inWords}`, { cause: error });
  }
}
