import { join } from 'node:path';
import { freePort, type Stack } from '@ultracore/local';
import { startChild, untilChildReady } from '../../frame/child.ts';
import { ROOT } from '../../frame/platform.ts';
import { required } from '../../frame/required.ts';
import { MASTER } from '../directory.ts';
import type { BenchServer } from '../server.ts';
import type { Issuer } from '../tokens.ts';
import type { Contender } from './contender.ts';
import { answers } from './plain.ts';

const NAME = 'pool-gateway';

export interface Gateway extends Contender {
  /** Connections to Postgres at most. */
  readonly budget: number;
  readonly url: string;
}

export interface GatewayOptions {
  directory: string;
  server: BenchServer;
  stack: Stack;
  issuer: Issuer;
  inspect: boolean;
  budget: number;
}

/** The gateway as an operator runs it, in one process, before the bench's Postgres by its unix socket. Ready = it has read the directory. */
export async function startGateway({ directory, server, stack, issuer, inspect, budget }: GatewayOptions): Promise<Gateway> {
  const login = required(stack.kafka_principals?.['pool-gateway'], 'login of the gateway to Kafka');
  const port = await freePort();
  const inspectorPort = inspect ? await freePort() : undefined;
  const child = await startChild({
    name: NAME,
    command: process.execPath,
    args: [
      ...(inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`]),
      join(ROOT, 'apps/pool-gateway/src/main.ts'),
    ],
    env: {
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      KAFKA_BROKERS: stack.kafka_brokers?.join(','),
      KAFKA_USERNAME: login.username,
      KAFKA_PASSWORD: login.password,
      SCHEMA_REGISTRY_URL: stack.schema_registry_url,
      JWT_ISSUER: issuer.issuer,
      JWT_AUDIENCE: issuer.audience,
      JWKS_URL: issuer.jwksUrl,
      ULTRACORE_MASTER_PASSWORD: MASTER.masterPassword,
      ULTRACORE_MASTER_KEY_ID: MASTER.keyId,
      ULTRACORE_MASTER_ROUNDS: String(MASTER.rounds),
      // Of all gateways: a second one may stand beside this one while it is replaced.
      GATEWAY_CONNECTION_BUDGET: String(2 * budget),
      GATEWAY_POSTGRES_SOCKET_DIRECTORY: server.socketDirectory,
    },
    logFile: join(directory, 'pool-gateway.log'),
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilChildReady(child, 'The gateway', () => answers(`${url}/readyz`), 120_000);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
  return {
    name: 'gateway',
    pid: child.pid,
    url,
    inspectorPort,
    target: { protocol: 'http', host: '127.0.0.1', port, prepared: true },
    description: `${NAME}: one process, ${budget} connections at most to Postgres`,
    budget,
    owns: (applicationName) => applicationName.startsWith(NAME),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
