import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { createAdmission, type AdmissionRules } from './admission.ts';
import { defaultStorage } from './default-storage.ts';
import type { TenantContext, TenantStorage } from './tenant-storage.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** For whom this request is. Reading it in a route that is of no tenant is a bug and throws. */
    readonly tenant: TenantContext;
    admittedTenant: TenantContext | undefined;
  }
  interface FastifyContextConfig {
    /** `false`: the route is of no tenant, and runs without one. Routes that are `public` are so too. */
    tenant?: false;
  }
}

export interface TenantIsolationOptions extends AdmissionRules {
  /** Default: the one behind `getTenant`. */
  readonly storage?: TenantStorage;
}

const isOfNoTenant = (request: FastifyRequest): boolean => {
  const { public: isPublic, tenant } = request.routeOptions.config;
  return request.is404 || isPublic === true || tenant === false;
};

const isolate = async (
  server: FastifyInstance,
  { storage = defaultStorage, ...rules }: TenantIsolationOptions,
): Promise<void> => {
  const admit = createAdmission(rules);

  /**
   * Events of the connection, and callbacks of what requests share, come in the context of some other request. What follows one may be any
   * hook or the handler; so each of them is entered anew.
   */
  const goOn = <Result>({ admittedTenant }: FastifyRequest, work: () => Result): Result =>
    admittedTenant === undefined ? storage.runWithoutTenant(work) : storage.runWithTenant(admittedTenant, work);

  server.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function handleForTenant(request, reply) {
      return goOn(request, () => handler.call(this, request, reply));
    };
  });

  server.decorateRequest('admittedTenant');
  server.decorateRequest('tenant', {
    getter(this: FastifyRequest) {
      if (this.admittedTenant === undefined) throw new TypeError('This route is of no tenant.');
      return this.admittedTenant;
    },
  });

  server.addHook('onRequest', (request, reply, done) => {
    if (isOfNoTenant(request)) return goOn(request, done);
    admit(request).then((context) => {
      request.admittedTenant = context;
      goOn(request, () => {
        storage.bindStream(request.raw);
        storage.bindEmitter(reply.raw);
        done();
      });
    }, done);
  });
  server.addHook('preParsing', (request, _reply, payload, done) => goOn(request, () => done(null, payload)));
  server.addHook('preValidation', (request, _reply, done) => goOn(request, done));
  server.addHook('preHandler', (request, _reply, done) => goOn(request, done));
  server.addHook('preSerialization', (request, _reply, payload, done) => goOn(request, () => done(null, payload)));
  server.addHook('onSend', (request, _reply, payload, done) =>
    goOn(request, () => {
      if (payload instanceof Readable) storage.bindStream(payload);
      done(null, payload);
    }),
  );
  server.addHook('onError', (request, _reply, _error, done) => goOn(request, done));
  server.addHook('onResponse', (request, _reply, done) => goOn(request, done));
  server.addHook('onTimeout', (request, _reply, done) => goOn(request, done));
  server.addHook('onRequestAbort', (request, done) => goOn(request, done));
};

/**
 * The isolation middleware: every route of the scope it is registered in is for one tenant, which the caller names and the token allows.
 * The handler, all it starts, its streams, the serializer and later hooks run in that tenant's context. Routes that are `public`, or have
 * `config: { tenant: false }`, run for none. Refused: 400 `tenant_header_*`, 403 `tenant_mismatch` `tenant_forbidden` `tenant_suspended`,
 * 404 `tenant_unknown`, 409 `tenant_not_active`, 503 `tenant_status_unknown`, each a `ProblemError`.
 */
export const tenantIsolation = fastifyPlugin(isolate, { name: 'ultracore-tenant-isolation', fastify: '5.x' });
