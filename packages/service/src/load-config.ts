import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ServiceError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The configuration of a service, read from variables named as the keys of `schema`. `NAME_FILE` may stand for any `NAME` of
 * the schema: its value is then the content of that file without the final line break. An empty variable counts as not set.
 *
 * Throws one `config_invalid` that lists everything that is wrong, each with its variable. Values are never repeated, because
 * some are secrets.
 */
export function loadConfig<Schema extends z.ZodType>(schema: Schema, env: Environment): z.output<Schema> {
  const faults: string[] = [];
  const values: Record<string, string> = {};
  for (const name of keysOf(schema)) {
    const value = readVariable(name, env, faults);
    if (value !== undefined) values[name] = value;
  }
  const unreadable = new Set(faults.map(variableOf));
  const result = schema.safeParse(values);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const name = issue.path.map(String).join('.') || 'configuration';
      // A variable whose file could not be read would be reported as missing too.
      if (!unreadable.has(name)) faults.push(`${name}: ${describeIssue(issue, values)}`);
    }
  }
  if (faults.length > 0 || !result.success) {
    throw new ServiceError(
      'config_invalid',
      `The configuration is not valid:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
  }
  return result.data;
}

function keysOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodPipe) return keysOf(schema.in);
  if (schema instanceof z.ZodIntersection) return [...keysOf(schema.def.left), ...keysOf(schema.def.right)];
  throw new TypeError('A configuration schema must be an object of variables, possibly transformed or intersected.');
}

function readVariable(name: string, env: Environment, faults: string[]): string | undefined {
  const direct = env[name] || undefined;
  const file = env[`${name}_FILE`] || undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    faults.push(`${name}: set both as ${name} and as ${name}_FILE; use one of them`);
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined;
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    faults.push(`${name}: the file named by ${name}_FILE cannot be read (${reason})`);
    return undefined;
  }
}

function variableOf(fault: string): string {
  return fault.slice(0, fault.indexOf(':'));
}

function describeIssue(issue: z.core.$ZodIssue, values: Readonly<Record<string, string>>): string {
  const [name] = issue.path;
  if (issue.code === 'invalid_type' && issue.path.length === 1 && !(String(name) in values)) return 'is required';
  return issue.message;
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

function port(): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .refine((value) => value <= 65_535, 'must be at most 65535');
}

function integer({ min, max }: { min: number; max: number }): z.ZodType<number, string> {
  const words = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, words)
    .transform(Number)
    .refine((value) => value >= min && value <= max, words);
}

function number({ min, max }: { min: number; max: number }): z.ZodType<number, string> {
  const words = `must be a number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}(\.\d{1,15})?$/, words)
    .transform(Number)
    .refine((value) => value >= min && value <= max, words);
}

function flag(): z.ZodType<boolean, string> {
  return z.enum(['true', 'false', '1', '0'], 'must be true or false').transform((value) => value === 'true' || value === '1');
}

/** Comma-separated, spaces around an item do not count, at least one. */
function list(): z.ZodType<string[], string> {
  return z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .refine((items) => items.length > 0, 'must name at least one, separated by commas');
}

function url(...protocols: string[]): z.ZodType<string, string> {
  const words = `must be a URL${protocols.length > 0 ? ` that starts with ${protocols.map((each) => `${each}://`).join(' or ')}` : ''}`;
  return z.string().refine((value) => {
    if (!URL.canParse(value)) return false;
    return protocols.length === 0 || protocols.includes(new URL(value).protocol.slice(0, -1));
  }, words);
}

/** The JSON text of something that the schema takes. */
function json<Schema extends z.ZodType>(schema: Schema): z.ZodType<z.output<Schema>, string> {
  const parse = (text: string, context: z.RefinementCtx): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not valid JSON' });
      return z.NEVER;
    }
  };
  return z.string().transform(parse).pipe(schema);
}

/** Kinds of variable for the schema given to `loadConfig`; each says in its message what it expects. */
export const variable = { port, integer, number, flag, list, url, json, logLevel: () => z.enum(logLevels) } as const;

/** The variables that every service has: logging, its HTTP port, Kafka, the schema registry, and how tokens are checked. */
export const serviceVariables = {
  LOG_LEVEL: variable.logLevel().default('info'),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: variable.port(),
  KAFKA_BROKERS: variable.list(),
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: z.string().optional(),
  SCHEMA_REGISTRY_URL: variable.url('http', 'https'),
  JWT_ISSUER: z.string(),
  JWT_AUDIENCE: z.string(),
  JWKS_URL: variable.url('http', 'https'),
  NODE_ENV: z.string().optional(),
  ULTRACORE_CRASH_AT: z.string().optional(),
} as const;
