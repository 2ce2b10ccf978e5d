import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import swagger from '@fastify/swagger';
import fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { Registry } from 'prom-client';
import type { z } from 'zod';
import type { Authenticator, Principal, Role } from './authenticator.ts';
import { createHealth, type Health } from './health.ts';
import type { Logger } from './logger.ts';
import { openApiOptions } from './open-api.ts';
import { addOperationsRoutes, observeRequests, type ObserveRequest } from './operations-routes.ts';
import { PROBLEM_MEDIA_TYPE, ProblemError, toProblem } from './problem.ts';
import { parseJsonBody, problemOf, validateWithZod } from './request-problems.ts';
import { headTimeouts, limitRequests } from './request-limits.ts';
import { createRoutesByPath, type RoutesByPath } from './routes-by-path.ts';
import { acceptId, continueTrace } from './trace-context.ts';
import { answerUnreadableRequest } from './unreadable-request.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling. Reading it in a `public` route is a bug and throws. */
    readonly principal: Principal;
    /** `x-correlation-id` of the caller, else the request id. */
    correlationId: string;
    /** The caller's trace with a span of this request; to be sent on with everything the request causes. */
    traceparent: string;
    provenPrincipal: Principal | undefined;
  }
  interface FastifyInstance {
    /** For requests that are answered beside Fastify. */
    readonly observeRequest: ObserveRequest;
  }
  interface FastifyContextConfig {
    /** No token is asked for. Every other route needs one. */
    public?: boolean;
    /** The caller needs one of these; without it any valid token will do. */
    roles?: readonly Role[];
  }
}

export type HttpServer = FastifyInstance<Server, IncomingMessage, ServerResponse, Logger, ZodTypeProvider>;

export interface HttpServerOptions {
  logger: Logger;
  authenticator: Pick<Authenticator, 'authenticate'>;
  /** Title and version of the OpenAPI document. */
  title: string;
  version: string;
  description?: string;
  /** Bytes; default 1 MiB. */
  bodyLimit?: number;
  /** For how long the head of a request may be on its way. Default 15 s. */
  headTimeoutMs?: number;
  /** What `/readyz` and `/livez` answer from. Default: always fine. */
  readiness?: Health;
  liveness?: Health;
  /** What `/metrics` shows, beside the metrics of requests and of the process. */
  metrics?: Registry;
  /** Turns errors of the application into answers; undefined for those it does not know. */
  mapError?: (error: unknown) => ProblemError | undefined;
}

const DEFAULT_BODY_LIMIT = 1024 * 1024;

/** On every answer. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/**
 * A Fastify server whose routes take zod schemas. Every answer that is an error is problem+json (404, 405, 413, 415, broken
 * JSON and unforeseen ones included). Every route asks for a bearer token unless its `config` says `public: true`, before it
 * reads the body. Serves `/livez`, `/readyz`, `/metrics` and `/openapi.json`.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const bodyLimit = options.bodyLimit ?? DEFAULT_BODY_LIMIT;
  const metrics = options.metrics ?? new Registry();
  const routes = createRoutesByPath();
  const sendError = createErrorSender(options, bodyLimit);
  const server: HttpServer = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit,
    requestTimeout: 60_000,
    http: headTimeouts(options.headTimeoutMs),
    genReqId: (request) => acceptId(request.headers['x-request-id']),
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, request, reply) => {
      nameRequest(request, reply);
      void sendError(error, request, reply);
    },
    clientErrorHandler: answerUnreadableRequest,
  }).withTypeProvider<ZodTypeProvider>();

  server.setValidatorCompiler<z.core.$ZodType>(
    ({ schema, httpPart }) =>
      (data: unknown) =>
        validateWithZod(schema, httpPart, data),
  );
  server.setSerializerCompiler(serializerCompiler);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseJsonBody(body),
  );
  server.setErrorHandler(sendError);
  server.setNotFoundHandler((request, reply) => sendError(notFound(request, routes), request, reply));
  server.addHook('onRoute', (route) => {
    if (!route.url.includes('*')) routes.add(route.url, [route.method].flat());
  });

  decorateRequests(server);
  limitRequests(server);
  refuseWhileClosing(server);
  server.decorate('observeRequest', observeRequests(server, metrics));
  requireToken(server, options.authenticator);
  await server.register(swagger, openApiOptions(options));
  addOperationsRoutes(server, {
    metrics,
    readiness: options.readiness ?? createHealth(),
    liveness: options.liveness ?? createHealth(),
  });
  return server;
}

function decorateRequests(server: HttpServer): void {
  server.decorateRequest('correlationId', '');
  server.decorateRequest('traceparent', '');
  server.decorateRequest('provenPrincipal');
  server.decorateRequest('principal', {
    getter(this: FastifyRequest) {
      if (!this.provenPrincipal) throw new TypeError('A public route has no principal.');
      return this.provenPrincipal;
    },
  });
  server.addHook('onRequest', (request, reply, done) => {
    nameRequest(request, reply);
    done();
  });
}

function nameRequest(request: FastifyRequest, reply: FastifyReply): void {
  const correlationId = request.headers['x-correlation-id'];
  request.correlationId = correlationId === undefined ? request.id : acceptId(correlationId);
  request.traceparent = continueTrace(request.headers.traceparent);
  reply.headers(SECURITY_HEADERS);
  reply.headers({
    'x-request-id': request.id,
    'x-correlation-id': request.correlationId,
    traceparent: request.traceparent,
  });
}

/**
 * Connections kept alive by a caller may still bring requests while the server is being stopped; and Node forgets to close one
 * that has answered several requests which came at once.
 */
function refuseWhileClosing(server: HttpServer): void {
  let closing: NodeJS.Timeout | undefined;
  server.addHook('preClose', (done) => {
    closing = setInterval(() => server.server.closeIdleConnections(), 50);
    done();
  });
  server.addHook('onClose', (_server, done) => {
    clearInterval(closing);
    done();
  });
  server.addHook('onRequest', (_request, _reply, done) => {
    if (closing === undefined) return done();
    done(
      new ProblemError({
        status: 503,
        code: 'stopping',
        detail: 'This instance is being stopped. Try again.',
        headers: { 'retry-after': '1' },
      }),
    );
  });
}

function requireToken(server: HttpServer, authenticator: HttpServerOptions['authenticator']): void {
  server.addHook('onRequest', async (request) => {
    const { public: isPublic, roles } = request.routeOptions.config;
    if (isPublic || request.is404) return;
    const principal = await authenticator.authenticate(request.headers.authorization);
    request.provenPrincipal = principal;
    if (roles && !roles.some((role) => principal.roles.includes(role))) {
      throw new ProblemError({
        status: 403,
        code: 'role_missing',
        detail: `This request needs one of the roles ${roles.join(', ')}.`,
      });
    }
  });
}

function notFound(request: FastifyRequest, routes: RoutesByPath): ProblemError {
  const [path = ''] = request.url.split('?', 1);
  const methods = routes.methodsOf(path);
  if (methods.length === 0) return new ProblemError({ status: 404, code: 'not_found', detail: 'There is nothing at this path.' });
  return new ProblemError({
    status: 405,
    code: 'method_not_allowed',
    detail: `This path answers to ${methods.join(', ')}.`,
    headers: { allow: methods.join(', ') },
  });
}

function createErrorSender({ mapError }: HttpServerOptions, bodyLimit: number) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const foreseen = mapError?.(error) ?? problemOf(error, { bodyLimit });
    const problem = foreseen ?? unforeseen(error);
    if (problem.status >= 500) {
      request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'a request failed');
    } else if (problem.status === 401 || problem.status === 403) {
      request.log.warn(
        {
          code: problem.code,
          method: request.method,
          route: request.routeOptions.url,
          subject: request.provenPrincipal?.subject,
        },
        'a request was refused',
      );
    }
    // A connection closed while its caller still writes loses the answer: what is left of the body is read and thrown away instead.
    if (problem.status === 413) reply.removeHeader('connection');
    return reply
      .status(problem.status)
      .headers(problem.headers)
      .header('content-type', PROBLEM_MEDIA_TYPE)
      .serializer(JSON.stringify)
      .send(toProblem(problem, request.id));
  };
}

function unforeseen(cause: unknown): ProblemError {
  return new ProblemError({
    status: 500,
    code: 'internal',
    detail: 'The request could not be handled because of a fault on our side. Give its request id when you report it.',
    cause,
  });
}
