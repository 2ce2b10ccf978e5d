import { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { KafkaError } from './errors.ts';

/** What the platform asks of the schema registry. Every function rejects with `registry_unreachable` when it does not answer. */
export interface SchemaRegistry {
  /** The latest version of a subject; undefined when there is no such subject. */
  latest(subject: string): Promise<RegisteredSchema | undefined>;
  /** Whether some version of the subject has the schema with this id. */
  isVersion(subject: string, id: number): Promise<boolean>;
  /** False when a value in the wire format breaks the schema whose id it carries. Only for an id that `isVersion` has found. */
  accepts(value: Buffer): Promise<boolean>;
  /**
   * Adds a version, or finds the one that has this schema already, in a subject whose compatibility is or becomes `BACKWARD`. Throws
   * `schema_incompatible` when the registry refuses it.
   */
  register(subject: string, schema: unknown): Promise<number>;
}

export interface RegisteredSchema {
  readonly id: number;
  /** Undefined when it is not a JSON Schema. */
  readonly schema: unknown;
}

interface Validate {
  (data: unknown): boolean;
  errors?: typeof Ajv.prototype.errors;
}

const TIMEOUT_MS = 10_000;

/** Every request may be repeated, also those that are no GET: registering the same schema again finds it. */
const RETRY = { retries: 4, initialRetryTimeInSecs: 0.1, enableRetry: () => true };

/** The client believes every 200; to be given no id where it expects one ends the process. */
const HAVE_IDS: ReadonlySet<string> = new Set(['latestVersion', 'register', 'registered']);
const NO_ANSWER = new Error('the answer is not that of a schema registry');

/** The name of the client's errors is all it exports of them. */
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

const statusOf = (error: unknown): unknown => (error instanceof Error && 'status' in error ? error.status : undefined);

const field = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;

/** Ajv for draft-7 that compiles a schema when the first value is checked: few of those that are looked up ever check one. */
const lazyAjv = () => {
  const ajv = addFormats.default(new Ajv());
  const compile = (schema: object): Validate => {
    const validate: Validate = (data) => {
      const compiled = ajv.compile(schema);
      const isValid = compiled(data);
      validate.errors = compiled.errors ?? null;
      return isValid;
    };
    return validate;
  };
  return { addSchema: ajv.addSchema.bind(ajv), compile };
};

/** The client of a registry, and the JSON Schemas it has fetched, by id and to the letter: it keeps them to itself. */
const createClient = (host: string, auth: { username: string; password: string } | undefined) => {
  const texts = new Map<number, string>();
  const client = new Client(
    {
      host,
      ...(auth === undefined ? {} : { auth }),
      clientId: 'ultracore',
      retry: RETRY,
      middlewares: [
        ({ resourceName, resourceMethod }) => ({
          prepareRequest: async (next) => (await next()).enhance({ timeout: TIMEOUT_MS }),
          async response(next) {
            const response = await next();
            const body: unknown = response.data();
            const text = field(body, 'schema');
            if (resourceName === 'Schema') {
              if (typeof text !== 'string') throw NO_ANSWER;
              if (field(body, 'schemaType') === 'JSON') texts.set(Number(response.request().params()?.['id']), text);
            } else if (HAVE_IDS.has(resourceMethod) && typeof field(body, 'id') !== 'number') throw NO_ANSWER;
            return response;
          },
        }),
      ],
    },
    { [SchemaType.JSON]: { ajvInstance: lazyAjv() } },
  );
  return { client, texts };
};

/** The URL is the base of the Confluent API, e.g. `http://host:8081`; a user and password in it become basic authentication. */
export const createSchemaRegistry = (url: string): SchemaRegistry => {
  const base = new URL(url);
  const username = decodeURIComponent(base.username);
  const password = decodeURIComponent(base.password);
  base.username = '';
  base.password = '';
  const host = base.href.replace(/\/$/, '');
  const { client, texts } = createClient(host, username === '' ? undefined : { username, password });

  const fail = (what: string, cause: unknown): never => {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new KafkaError(
      statusOf(cause) === 409 ? 'schema_incompatible' : 'registry_unreachable',
      `the schema registry at ${host}: ${what}: ${detail}`,
      { cause },
    );
  };

  /** Fetched once for each id. Undefined when there is no such schema, or one that is not a JSON Schema. */
  const textOf = async (id: number): Promise<string | undefined> => {
    try {
      await client.getSchema(id);
    } catch (error) {
      if (statusOf(error) === 404 || nameOf(error) === 'ConfluentSchemaRegistryArgumentError') return undefined;
      return fail(`the schema ${id} cannot be read`, error);
    }
    return texts.get(id);
  };

  /** The one request that the client does not offer: it sets a subject's compatibility only when it registers the first version. */
  const setCompatibility = async (subject: string): Promise<void> => {
    const login = username === '' ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
    const response = await fetch(`${host}/config/${encodeURIComponent(subject)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json', ...login },
      body: JSON.stringify({ compatibility: COMPATIBILITY.BACKWARD }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok)
      throw new Error(`the compatibility cannot be set: ${response.status} ${(await response.text()).slice(0, 200)}`);
  };

  return {
    async latest(subject) {
      let id: number;
      try {
        id = await client.getLatestSchemaId(subject);
      } catch (error) {
        return statusOf(error) === 404 ? undefined : fail(`the latest version of ${subject} cannot be read`, error);
      }
      const text = await textOf(id);
      return { id, schema: text === undefined ? undefined : JSON.parse(text) };
    },

    async isVersion(subject, id) {
      const text = await textOf(id);
      if (text === undefined) return false;
      try {
        await client.getRegistryIdBySchema(subject, { type: SchemaType.JSON, schema: text });
        return true;
      } catch (error) {
        // What the client makes of a 404, and of nothing else.
        return nameOf(error) === 'ConfluentSchemaRegistryError'
          ? false
          : fail(`${subject} cannot be asked for the schema ${id}`, error);
      }
    },

    async accepts(value) {
      try {
        await client.decode(value);
        return true;
      } catch (error) {
        // Anything else is a schema beyond our Ajv, which says nothing against the value.
        return nameOf(error) !== 'ConfluentSchemaRegistryValidationError';
      }
    },

    async register(subject, schema) {
      const text = JSON.stringify(schema);
      const attempt = async (): Promise<number> => {
        const { id } = await client.register(
          { type: SchemaType.JSON, schema: text },
          { subject, compatibility: COMPATIBILITY.BACKWARD },
        );
        texts.set(id, text);
        return id;
      };
      try {
        return await attempt().catch(async (error: unknown) => {
          // Changed by hand, or the process died between its registering the first version and its setting the compatibility.
          if (nameOf(error) !== 'ConfluentSchemaRegistryCompatibilityError') throw error;
          await setCompatibility(subject);
          return attempt();
        });
      } catch (error) {
        return fail(`${subject} is refused`, error);
      }
    },
  };
};
