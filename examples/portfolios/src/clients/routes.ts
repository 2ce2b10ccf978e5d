import type { HttpServer } from '@ultracore/service';
import { z } from 'zod';

const client = z.object({
  client_id: z.uuid(),
  name: z.string(),
  status: z.string(),
  domicile: z.string().nullable(),
  risk_profile: z.string().nullable(),
  kyc_status: z.string(),
});

const newClient = z.strictObject({
  external_reference: z.string().min(1).max(60),
  given_name: z.string().min(1).max(100),
  family_name: z.string().min(1).max(100),
  domicile: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  risk_profile: z.enum(['conservative', 'defensive', 'balanced', 'growth', 'aggressive']).optional(),
});

const COLUMNS = `id as client_id, coalesce(legal_name, concat_ws(' ', given_name, family_name)) as name, status, domicile, risk_profile, kyc_status`;

/** What a client team would write: the people a firm serves. */
export const addClientRoutes = (server: HttpServer): void => {
  server.get(
    '/v1/clients',
    {
      schema: {
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
        response: { 200: z.object({ clients: z.array(client) }) },
      },
    },
    async ({ database, query }) => ({
      clients: await database.query(client, {
        sql: `select ${COLUMNS} from clients order by family_name, legal_name, given_name, id limit $1`,
        params: [query.limit],
      }),
    }),
  );

  server.post('/v1/clients', { schema: { body: newClient, response: { 201: client } } }, async ({ database, body }, reply) => {
    const [made] = await database.query(client, {
      sql: `insert into clients (kind, external_reference, given_name, family_name, domicile, risk_profile)
            values ('person', $1, $2, $3, $4, $5)
            returning ${COLUMNS}`,
      params: [body.external_reference, body.given_name, body.family_name, body.domicile ?? null, body.risk_profile ?? null],
    });
    if (made === undefined) throw new TypeError('an insert without a conflict returns its row');
    return reply.status(201).send(made);
  });
};
