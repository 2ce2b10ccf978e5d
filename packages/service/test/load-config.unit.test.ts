import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig, serviceVariables, variable } from '../src/index.ts';

const schema = z.object({
  HTTP_PORT: variable.port(),
  KAFKA_BROKERS: variable.list(),
  DATABASE_URL: variable.url('postgres', 'postgresql'),
  ULTRACORE_MASTER_PASSWORD: z.string().min(8, 'must have at least 8 characters'),
  DEFAULT_MAX_CONNECTIONS: variable.integer({ min: 1, max: 1000 }).default(20),
  AUTO: variable.flag().default(false),
  SERVERS: variable.json(z.array(z.object({ port: z.int() }))).optional(),
});

const good = {
  HTTP_PORT: '8080',
  KAFKA_BROKERS: 'a:9092, b:9092',
  DATABASE_URL: 'postgres://u:hunter2@h/db',
  ULTRACORE_MASTER_PASSWORD: 'long enough',
};

function messageOf(env: Record<string, string>): string {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return '';
}

describe('loadConfig', () => {
  it('reads what it was asked for, typed, and nothing else', () => {
    expect(loadConfig(schema, { ...good, SERVERS: '[{"port":5432}]', UNRELATED: 'x' })).toEqual({
      HTTP_PORT: 8080,
      KAFKA_BROKERS: ['a:9092', 'b:9092'],
      DATABASE_URL: good.DATABASE_URL,
      ULTRACORE_MASTER_PASSWORD: 'long enough',
      DEFAULT_MAX_CONNECTIONS: 20,
      AUTO: false,
      SERVERS: [{ port: 5432 }],
    });
  });

  it('reports every mistake at once, each with its variable', () => {
    expect(
      messageOf({ HTTP_PORT: '99999', DATABASE_URL: 'mysql://h', AUTO: 'perhaps', DEFAULT_MAX_CONNECTIONS: '1.5', SERVERS: '[' }),
    ).toBe(
      `The configuration is not valid:
  - HTTP_PORT: must be at most 65535
  - KAFKA_BROKERS: is required
  - DATABASE_URL: must be a URL that starts with postgres:// or postgresql://
  - ULTRACORE_MASTER_PASSWORD: is required
  - DEFAULT_MAX_CONNECTIONS: must be a whole number from 1 to 1000
  - AUTO: must be true or false
  - SERVERS: is not valid JSON`,
    );
  });

  it('never repeats a value', () => {
    const message = messageOf({
      ...good,
      ULTRACORE_MASTER_PASSWORD: 'hunter2',
      DATABASE_URL: 'hunter2://x',
      HTTP_PORT: 'hunter2',
    });
    expect(message).toContain('ULTRACORE_MASTER_PASSWORD: must have at least 8 characters');
    expect(message).not.toContain('hunter2');
  });

  it('takes an empty variable for one that is not set', () => {
    expect(messageOf({ ...good, KAFKA_BROKERS: '' })).toContain('KAFKA_BROKERS: is required');
    expect(loadConfig(schema, { ...good, DEFAULT_MAX_CONNECTIONS: '' }).DEFAULT_MAX_CONNECTIONS).toBe(20);
  });

  it('refuses a variable that is set twice, directly and as a file', () => {
    expect(messageOf({ ...good, DATABASE_URL_FILE: '/run/secrets/url' })).toContain(
      'DATABASE_URL: set both as DATABASE_URL and as DATABASE_URL_FILE; use one of them',
    );
  });

  it('finds the variables of a schema that is transformed into another shape', () => {
    const shaped = schema.transform((env) => ({ port: env.HTTP_PORT }));
    expect(loadConfig(shaped, good)).toEqual({ port: 8080 });
  });

  it('offers the variables that every service has', () => {
    const env = {
      HTTP_PORT: '0',
      KAFKA_BROKERS: 'a:1',
      SCHEMA_REGISTRY_URL: 'http://r',
      JWT_ISSUER: 'i',
      JWT_AUDIENCE: 'a',
      JWKS_URL: 'http://j',
    };
    expect(loadConfig(z.object(serviceVariables), env)).toMatchObject({
      LOG_LEVEL: 'info',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: 0,
    });
  });
});
