import { Kafka, logLevel } from 'kafkajs';
import type { Admin, ISocketFactory, logCreator } from 'kafkajs';
import { fromKafkaJs } from './errors.ts';

/** What of a logger this package uses; pino's fits. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** With a password: SASL/SCRAM-SHA-256. Without: none. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: boolean | undefined;
  /** How long a group waits for a member that has died; 6 s unless given. Brokers have a least of their own, 6 s unless told otherwise. */
  readonly sessionTimeoutMs?: number | undefined;
  readonly logger: Logger;
  /** How sockets are made; for tests that break connections. */
  readonly socketFactory?: ISocketFactory | undefined;
}

export interface KafkaClient {
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
  /** kafkajs itself, for what this package has no word for. */
  readonly kafka: Kafka;
}

/**
 * What happens in every life of a client: a broker restarts, a coordinator moves, a group rebalances. kafkajs reports these as
 * errors and warnings although it retries them; what does not end well reaches us as a rejection or a crash, and is reported there.
 */
const NORMAL = [
  /coordinator/i,
  /rebalanc/i,
  /Connection (error|timeout)/,
  /Closed connection/,
  /connection to broker/i,
  /leader/i,
  /does not host this topic-partition/,
  /concurrent operation|CONCURRENT_TRANSACTIONS/i,
  /Limiting retries for the idempotent producer/,
  /^Failed to (connect|send messages)/,
  /^Restarting the consumer/,
  /^Crash: KafkaJSNumberOfRetriesExceeded/,
  /not aware of this member/,
];

const toLogger =
  (logger: Logger): logCreator =>
  () =>
  ({ namespace, level, log }) => {
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = log;
    const cause: unknown = details['error'];
    const isNormal = NORMAL.some((pattern) => pattern.test(message) || (typeof cause === 'string' && pattern.test(cause)));
    const say = level > logLevel.WARN || isNormal ? 'debug' : 'warn';
    logger[say]({ ...details, namespace }, `kafkajs: ${message}`);
  };

const SESSION_TIMEOUT_MS = 6000;

/** The first wait before a retry, in ms; it doubles up to `maxRetryTime`. Long enough in all (about 8 s) to outlive a coordinator's move. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 2000, retries: 9 };

/**
 * Describes a cluster; nothing connects before it is used. One client per process is enough. All that it logs goes to the given
 * logger; what kafkajs retries by itself goes there at level debug.
 */
export const connectKafka = (options: KafkaOptions): KafkaClient => {
  const { brokers, clientId, username, password, tls, logger, socketFactory, sessionTimeoutMs = SESSION_TIMEOUT_MS } = options;
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    ...(password === undefined ? {} : { sasl: { mechanism: 'scram-sha-256', username: username ?? clientId, password } }),
    ...(tls === true ? { ssl: true } : {}),
    ...(socketFactory === undefined ? {} : { socketFactory }),
    connectionTimeout: 3000,
    requestTimeout: 15_000,
    retry: RETRY,
    logLevel: logLevel.INFO,
    logCreator: toLogger(logger),
  });
  return { clientId, sessionTimeoutMs, logger, kafka };
};

/** Runs something with kafkajs's admin client, connected before and closed after, however it ends. Errors are `KafkaError`s. */
export const withAdmin = async <Result>(
  client: KafkaClient,
  what: string,
  run: (admin: Admin) => Promise<Result>,
): Promise<Result> => {
  const admin = client.kafka.admin();
  try {
    await admin.connect();
    return await run(admin);
  } catch (error) {
    throw fromKafkaJs(what, error);
  } finally {
    await admin.disconnect();
  }
};
