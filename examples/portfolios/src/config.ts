import { loadConfig, serviceVariables, variable, type Environment } from '@ultracore/service';
import { z } from 'zod';
import { loginsSchema, toRegistrations } from './database/logins.ts';

const GATEWAY_VARIABLES = ['GATEWAY_URL', 'TOKEN_URL', 'CLIENT_ID', 'CLIENT_SECRET'] as const;

const variables = z
  .object({
    ...serviceVariables,
    /** Begins with the Kafka principal's own name, which is all that the platform lets it use. */
    KAFKA_GROUP: z.string().default('producer.example-portfolios'),
    GATEWAY_URL: variable.url('http', 'https').optional(),
    TOKEN_URL: variable.url('http', 'https').optional(),
    CLIENT_ID: z.string().optional(),
    CLIENT_SECRET: z.string().optional(),
    /** Given as TENANT_LOGINS_FILE, as a rule. */
    TENANT_LOGINS: variable.json(loginsSchema).optional(),
  })
  .superRefine((env, context) => {
    if (env.TENANT_LOGINS !== undefined) return;
    for (const name of GATEWAY_VARIABLES) {
      if (env[name] !== undefined) continue;
      context.addIssue({ code: 'custom', path: [name], message: 'is required without TENANT_LOGINS' });
    }
  });

export function readConfig(env: Environment = process.env) {
  const read = loadConfig(variables, env);
  const { GATEWAY_URL = '', TOKEN_URL = '', CLIENT_ID = '', CLIENT_SECRET = '', TENANT_LOGINS } = read;
  return {
    logLevel: read.LOG_LEVEL,
    http: { host: read.HTTP_HOST, port: read.HTTP_PORT },
    kafka: { brokers: read.KAFKA_BROKERS, username: read.KAFKA_USERNAME, password: read.KAFKA_PASSWORD },
    kafkaGroup: read.KAFKA_GROUP,
    schemaRegistryUrl: read.SCHEMA_REGISTRY_URL,
    jwt: { issuer: read.JWT_ISSUER, audience: read.JWT_AUDIENCE, jwksUrl: read.JWKS_URL },
    database:
      TENANT_LOGINS === undefined
        ? ({
            kind: 'gateway',
            url: GATEWAY_URL,
            tokens: { url: TOKEN_URL, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
          } as const)
        : ({ kind: 'pool', tenants: toRegistrations(TENANT_LOGINS) } as const),
  };
}

export type DatabaseConfig = ReturnType<typeof readConfig>['database'];
