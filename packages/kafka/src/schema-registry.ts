import { KafkaError } from './errors.ts';

/** The part of Confluent's API that we need: plain HTTP, five requests. */
export interface SchemaRegistry {
  /** Undefined when there is no such subject. */
  latest(subject: string): Promise<RegisteredSchema | undefined>;
  /** The ids of every version of a subject, oldest first. */
  idsOf(subject: string): Promise<readonly number[]>;
  /** Adds a version, or finds the one that has this schema already. Throws `schema_incompatible` when the registry refuses it. */
  register(subject: string, schema: unknown): Promise<number>;
  compatibilityOf(subject: string): Promise<string | undefined>;
  setCompatibility(subject: string, level: string): Promise<void>;
}

export interface RegisteredSchema {
  readonly id: number;
  readonly version: number;
  readonly schema: unknown;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
const TIMEOUT_MS = 10_000;
const ATTEMPTS = 5;
const FIRST_WAIT_MS = 100;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const field = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;

const numberField = (body: unknown, name: string): number => {
  const value = field(body, name);
  if (typeof value !== 'number') throw new KafkaError('registry_unreachable', `the schema registry's answer has no ${name}`);
  return value;
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The URL is the base of the Confluent API, e.g. `http://host:8081`; a user and password in it become basic authentication. */
export const createSchemaRegistry = (url: string): SchemaRegistry => {
  const base = new URL(url);
  const login = base.username === '' ? undefined : `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  base.username = '';
  base.password = '';
  const prefix = base.href.replace(/\/$/, '');
  const headers: Record<string, string> = {
    accept: CONTENT_TYPE,
    'content-type': CONTENT_TYPE,
    ...(login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  };

  const once = async (method: string, path: string, payload: unknown): Promise<Answer> => {
    const response = await fetch(`${prefix}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(payload === undefined ? {} : { body: JSON.stringify(payload) }),
    });
    const text = await response.text();
    if (response.status >= 500) throw new Error(`${response.status} ${text.slice(0, 200)}`);
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };

  /** Every request of ours may be repeated: registering the same schema again finds it. */
  const request = async (method: string, path: string, payload?: unknown): Promise<Answer> => {
    let failure: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (attempt > 0) await wait(FIRST_WAIT_MS * 2 ** (attempt - 1));
      try {
        return await once(method, path, payload);
      } catch (error) {
        failure = error;
      }
    }
    throw new KafkaError('registry_unreachable', `the schema registry at ${prefix} does not answer`, { cause: failure });
  };

  const versionsPath = (subject: string): string => `/subjects/${encodeURIComponent(subject)}/versions`;
  const configPath = (subject: string): string => `/config/${encodeURIComponent(subject)}`;

  const refuse = (subject: string, what: string, { status, body }: Answer): never => {
    const message = field(body, 'message');
    const detail = typeof message === 'string' ? message : `status ${status}`;
    throw new KafkaError(status === 409 ? 'schema_incompatible' : 'registry_unreachable', `${subject}: ${what}: ${detail}`);
  };

  const version = async (subject: string, name: number | 'latest'): Promise<RegisteredSchema | undefined> => {
    const answer = await request('GET', `${versionsPath(subject)}/${name}`);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) return refuse(subject, 'its schema cannot be read', answer);
    const text = field(answer.body, 'schema');
    return {
      id: numberField(answer.body, 'id'),
      version: numberField(answer.body, 'version'),
      schema: typeof text === 'string' ? JSON.parse(text) : text,
    };
  };

  return {
    latest: (subject) => version(subject, 'latest'),

    async idsOf(subject) {
      const answer = await request('GET', versionsPath(subject));
      if (answer.status === 404) return [];
      if (answer.status !== 200 || !Array.isArray(answer.body)) return refuse(subject, 'its versions cannot be read', answer);
      const numbers = answer.body.filter((entry): entry is number => typeof entry === 'number');
      const versions = await Promise.all(numbers.map((number) => version(subject, number)));
      return versions.flatMap((found) => (found === undefined ? [] : [found.id]));
    },

    async register(subject, schema) {
      const answer = await request('POST', versionsPath(subject), { schemaType: 'JSON', schema: JSON.stringify(schema) });
      return answer.status === 200 ? numberField(answer.body, 'id') : refuse(subject, 'the schema is refused', answer);
    },

    async compatibilityOf(subject) {
      const answer = await request('GET', configPath(subject));
      if (answer.status === 404) return undefined;
      const level = field(answer.body, 'compatibilityLevel') ?? field(answer.body, 'compatibility');
      return typeof level === 'string' ? level.toUpperCase() : undefined;
    },

    async setCompatibility(subject, level) {
      const answer = await request('PUT', configPath(subject), { compatibility: level });
      if (answer.status !== 200) refuse(subject, 'its compatibility cannot be set', answer);
    },
  };
};
