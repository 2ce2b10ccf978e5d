import { randomUUID } from 'node:crypto';
import { beatKey, type DirectoryRow, PARTITIONS, TIER_DEFAULTS, TOPICS } from '@ultracore/contracts';
import { createKeyRing, ENCRYPTION_ALGORITHM, type KeyRing } from '@ultracore/credentials';
import { connectKafka, createMessageCodec, createPublisher, type OutRecord, type Publisher } from '@ultracore/kafka';
import type { Stack } from '@ultracore/local';
import { required } from '../frame/required.ts';
import type { BenchTenant } from './homes.ts';

/** The master password of the bench and how its key is made; the gateway gets the same. */
export const MASTER = { masterPassword: randomUUID(), keyId: 'k1', rounds: 100_000 } as const;

const SOURCE = '/ultracore/registry';
const BEAT_MS = 1000;
const ROWS_AT_ONCE = 500;

/** Settings that differ from the tier's. */
export type Settings = Partial<
  Pick<DirectoryRow, 'min_connections' | 'max_connections' | 'idle_timeout_seconds' | 'max_concurrent_queries'>
>;

/** The directory topic as the registry's relay keeps it: rows when told, and beats each second. */
export interface Directory extends AsyncDisposable {
  /** Resolves when Kafka has every row. */
  publish(tenants: readonly BenchTenant[], settings: Settings): Promise<void>;
}

const quiet = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (details: object, text: string) => console.error(text, details),
};

/** Writes as the principal `registry` to a Kafka on which nobody else is it. */
export async function startDirectory(stack: Stack, postgres: { host: string; port: number }): Promise<Directory> {
  const login = required(stack.kafka_principals?.['registry'], 'login of the registry to Kafka');
  const client = connectKafka({
    brokers: required(stack.kafka_brokers, 'Kafka'),
    clientId: 'registry-bench',
    ...login,
    logger: quiet,
  });
  const codec = await createMessageCodec({
    schemaRegistryUrl: required(stack.schema_registry_url, 'schema registry'),
    messages: ['TenantDirectoryRecord', 'DirectoryBeat'].map((type) => ({ topic: TOPICS.directory, type })),
  });
  const publisher = await createPublisher(client, codec);
  const keyRing = await createKeyRing(MASTER);
  const beating = beatEachSecond(publisher);
  let revision = 0;
  return {
    async publish(tenants, settings) {
      revision += 1;
      for (let at = 0; at < tenants.length; at += ROWS_AT_ONCE) {
        const some = tenants.slice(at, at + ROWS_AT_ONCE);
        await publisher.send(some.map((tenant) => recordOf(rowOf(tenant, postgres, keyRing, revision, settings))));
      }
    },
    async [Symbol.asyncDispose]() {
      await beating.stop();
      await publisher.stop();
    },
  };
}

function beatEachSecond(publisher: Publisher): { stop(): Promise<void> } {
  let last = publisher.send(beats());
  last.catch(() => {});
  const timer = setInterval(() => {
    last = publisher.send(beats());
    // The gateway refuses when beats are missing: it will be told by that.
    last.catch((error: unknown) => console.error('a beat of the directory was not published', error));
  }, BEAT_MS);
  return {
    async stop() {
      clearInterval(timer);
      await last.catch(() => {});
    },
  };
}

function beats(): OutRecord[] {
  const time = new Date().toISOString();
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const key = beatKey(partition);
    return {
      topic: TOPICS.directory,
      partition,
      key,
      envelope: { id: randomUUID(), type: 'DirectoryBeat', source: SOURCE, subject: key, time, tenantId: key },
      body: { partition, beat_at: time },
    };
  });
}

const recordOf = (row: DirectoryRow): OutRecord => ({
  topic: TOPICS.directory,
  key: row.tenant_id,
  envelope: {
    id: randomUUID(),
    type: 'TenantDirectoryRecord',
    source: SOURCE,
    subject: row.tenant_id,
    time: row.updated_at,
    tenantId: row.tenant_id,
    sequence: row.revision,
  },
  body: row,
});

function rowOf(
  { home, names, passwords }: BenchTenant,
  { host, port }: { host: string; port: number },
  keyRing: KeyRing,
  revision: number,
  settings: Settings,
): DirectoryRow {
  const { tenantId, tier, requestId } = home;
  const time = new Date().toISOString();
  const logins = {
    db_username: names.role,
    db_password_encrypted: keyRing.seal({ tenantId, role: names.role, password: passwords.readWrite }),
    readonly_db_username: names.readonlyRole,
    readonly_db_password_encrypted: keyRing.seal({ tenantId, role: names.readonlyRole, password: passwords.readOnly }),
    encryption_algorithm: ENCRYPTION_ALGORITHM,
  } as const;
  return {
    tenant_id: tenantId,
    tenant_name: tenantId,
    tier,
    status: 'active',
    owner_email: 'owner@bench.example',
    db_host: host,
    db_port: port,
    db_name: names.database,
    schema_name: names.schema,
    readonly_db_host: null,
    readonly_db_port: null,
    ...logins,
    ...TIER_DEFAULTS[tier],
    ...settings,
    created_at: time,
    updated_at: time,
    created_by: 'bench',
    revision,
    life: 1,
    home_request_id: requestId,
    credential: { request_id: requestId, ...logins, key_id: MASTER.keyId },
    next_credential: null,
    requests: {
      provision: { id: requestId, outcome: 'done', attempt: 1 },
      rotate: null,
      migrate: null,
      purge: null,
      verify_replica: null,
    },
    grants: [],
    target_migration_version: null,
    purge_after: null,
    legal_hold: false,
  };
}
