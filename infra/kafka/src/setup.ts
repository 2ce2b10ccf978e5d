import { connectKafka, withAdmin } from '@ultracore/kafka';
import type { Logger } from '@ultracore/kafka';
import { ensureAcls, ownNames, usersOf } from './acls.ts';
import { registerSchemas } from './schemas.ts';
import { ensureTopics } from './topics.ts';

export interface SetupOptions {
  readonly brokers: readonly string[];
  /** A super user; without it the cluster is taken to have no authentication, and no ACLs are set. */
  readonly admin?: { readonly username: string; readonly password: string } | undefined;
  readonly tls?: boolean;
  readonly schemaRegistryUrl: string;
  /** Principal → its login; every principal logs in under its own name where this is left out. */
  readonly principals?: Readonly<Record<string, { readonly username: string }>>;
  /** Copies of each partition; by default three, or one for each broker when there are fewer. */
  readonly replicationFactor?: number;
  readonly logger?: Logger;
}

export interface SetupResult {
  readonly topicsCreated: readonly string[];
  readonly aclsGranted: number;
  readonly aclsRevoked: number;
  readonly schemasRegistered: readonly string[];
}

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const USUAL_REPLICATION = 3;

/**
 * Makes topics, rights and schemas what the contracts and the table of access say. Repeatable; the second run changes nothing.
 * Rejects with a `KafkaError`.
 */
export const setupKafka = async (options: SetupOptions): Promise<SetupResult> => {
  const { brokers, admin: login, tls, schemaRegistryUrl, principals, replicationFactor, logger = SILENT } = options;
  const client = connectKafka({ brokers, clientId: 'kafka-setup', ...login, ...(tls === undefined ? {} : { tls }), logger });
  const inKafka = withAdmin(client, 'Kafka cannot be set up', async (admin) => {
    const { brokers: found } = await admin.describeCluster();
    const topics = await ensureTopics(admin, {
      replicationFactor: replicationFactor ?? Math.min(USUAL_REPLICATION, found.length),
    });
    const users = principals === undefined ? ownNames() : usersOf(principals);
    const acls = login === undefined ? { granted: 0, revoked: 0 } : await ensureAcls(admin, users);
    return { topics, acls };
  });
  const [{ topics, acls }, { registered }] = await Promise.all([inKafka, registerSchemas(schemaRegistryUrl)]);
  return {
    topicsCreated: topics.created,
    aclsGranted: acls.granted,
    aclsRevoked: acls.revoked,
    schemasRegistered: registered,
  };
};
