import { readFileSync } from 'node:fs';
import { createAuthenticator, ProblemError } from '@ultracore/service';
import fastify from 'fastify';
import { Pool, type QueryResult } from 'pg';
import { z } from 'zod';

/**
 * What a product team would write without the gateway, and well: Fastify, a `pg.Pool` for each tenant, named prepared statements, the same
 * check of the token, the same answer. A program of its own; its settings are the JSON file named on the command line.
 */
const settingsSchema = z.object({
  port: z.number(),
  issuer: z.string(),
  audience: z.string(),
  jwksUrl: z.string(),
  /** Directory of Postgres's unix socket. */
  host: z.string(),
  postgresPort: z.number(),
  connectionsPerTenant: z.number(),
  tenants: z.array(z.object({ tenantId: z.string(), user: z.string(), password: z.string(), database: z.string() })),
});
export type PlainSettings = z.infer<typeof settingsSchema>;

const BODY = {
  type: 'object',
  required: ['sql'],
  additionalProperties: false,
  properties: { sql: { type: 'string', minLength: 1 }, params: { type: 'array', default: [] } },
};

/** Names of the types that the workloads use; others are told by number alone. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  16: 'bool',
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  1184: 'timestamptz',
  2950: 'uuid',
};

const settings = settingsSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const authenticator = createAuthenticator(settings);
const tenants = new Map(settings.tenants.map((tenant) => [tenant.tenantId, tenant]));
const pools = new Map<string, Pool>();
const names = new Map<string, string>();

function poolOf(tenantId: string): Pool | undefined {
  const open = pools.get(tenantId);
  if (open !== undefined) return open;
  const tenant = tenants.get(tenantId);
  if (tenant === undefined) return undefined;
  const { user, password, database } = tenant;
  const pool = new Pool({
    application_name: 'plain service',
    host: settings.host,
    port: settings.postgresPort,
    user,
    password,
    database,
    max: settings.connectionsPerTenant,
    idleTimeoutMillis: 600_000,
  });
  pool.on('error', () => {});
  pools.set(tenantId, pool);
  return pool;
}

/** A text has one name for ever, so that each connection parses it once. */
function nameOf(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = `s${names.size}`;
  names.set(sql, name);
  return name;
}

const toAnswer = ({ fields, rows, rowCount, command }: QueryResult) => ({
  columns: fields.map(({ name, dataTypeID }) => ({
    name,
    type: TYPE_NAMES[dataTypeID] ?? String(dataTypeID),
    type_oid: dataTypeID,
  })),
  rows,
  row_count: rowCount,
  command,
});

const app = fastify({ logger: false });

app.post<{ Body: { sql: string; params: unknown[] } }>('/v1/query', { schema: { body: BODY } }, async (request, reply) => {
  const { tenantId } = await authenticator.authenticate(request.headers.authorization);
  const pool = tenantId === undefined ? undefined : poolOf(tenantId);
  if (pool === undefined) return reply.code(403).send({ code: 'tenant_unknown' });
  const { sql, params } = request.body;
  return toAnswer(await pool.query({ name: nameOf(sql), text: sql, values: params }));
});

app.get('/readyz', async () => ({ status: 'ready' }));

app.setErrorHandler(async (error, _request, reply) => {
  const status = error instanceof ProblemError ? error.status : 500;
  return reply.code(status).send({ detail: error instanceof Error ? error.message : String(error) });
});

await app.listen({ host: '127.0.0.1', port: settings.port });
process.once('SIGTERM', () => process.exit(0));
