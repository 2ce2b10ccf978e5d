import { readFileSync } from 'node:fs';
import type { SetupOptions } from './setup.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable, or the content of the file that `<NAME>_FILE` names. */
const read = (env: Environment, name: string): string | undefined => {
  const file = env[`${name}_FILE`];
  return file === undefined || file === '' ? env[name] || undefined : readFileSync(file, 'utf8').trim();
};

/** Reads the environment; throws one error that lists everything that is wrong with it. */
export const readConfig = (env: Environment): Omit<SetupOptions, 'logger'> => {
  const mistakes: string[] = [];
  const need = (name: string): string => {
    const value = read(env, name);
    if (value === undefined) mistakes.push(`${name} is missing`);
    return value ?? '';
  };
  const brokers = need('KAFKA_BROKERS')
    .split(',')
    .map((broker) => broker.trim());
  const schemaRegistryUrl = need('SCHEMA_REGISTRY_URL');
  const username = read(env, 'KAFKA_ADMIN_USERNAME');
  const password = read(env, 'KAFKA_ADMIN_PASSWORD');
  if ((username === undefined) !== (password === undefined))
    mistakes.push('KAFKA_ADMIN_USERNAME and KAFKA_ADMIN_PASSWORD belong together');
  const replication = read(env, 'KAFKA_REPLICATION_FACTOR');
  if (replication !== undefined && !/^[1-9]\d?$/.test(replication))
    mistakes.push('KAFKA_REPLICATION_FACTOR is not a small number');
  if (mistakes.length > 0) throw new Error(`the configuration is not usable: ${mistakes.join('; ')}`);
  return {
    brokers,
    schemaRegistryUrl,
    tls: read(env, 'KAFKA_TLS') === 'true',
    ...(username === undefined || password === undefined ? {} : { admin: { username, password } }),
    ...(replication === undefined ? {} : { replicationFactor: Number(replication) }),
  };
};
