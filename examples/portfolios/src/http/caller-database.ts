import type { HttpServer } from '@ultracore/service';
import type { TenantDatabase } from '../database/tenant-database.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The database of the request's tenant, with the rights of its caller. */
    database: TenantDatabase;
  }
}

/** Every request brings its own way to the database: this service can do for a caller what the caller may do, and no more. */
export const addCallerDatabase = (server: HttpServer, databaseFor: (authorization: string) => TenantDatabase): void => {
  server.decorateRequest('database');
  server.addHook('onRequest', async (request) => {
    request.database = databaseFor(request.headers.authorization ?? '');
  });
};
