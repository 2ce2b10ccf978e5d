import { STATUS_CODES } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import type { Route } from '../routes.ts';
import { statusPage } from './status-page.ts';

export interface PartStatus {
  name: string;
  state: 'running' | 'starting again';
  pid: number | undefined;
  restarts: number;
  address: string;
}

export interface EdgeOptions {
  port: number;
  routes: readonly Route[];
  /** Base URL of each service that is part of this stack. */
  upstreams: Readonly<Record<string, string>>;
  jwks: object;
  status(): { ready: boolean; parts: PartStatus[] };
}

export interface Edge {
  url: string;
  stop: () => Promise<void>;
}

/**
 * The platform's one origin: each prefix of the table goes to its app, unchanged and streamed; `/-/<app>/…` reaches an app's own
 * operations (`/readyz`, `/metrics`, `/openapi.json`); `/` tells the state of the stack, to a browser as a page.
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const server = fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 2_000 } });
  server.setNotFoundHandler((request, reply) =>
    problem(
      reply,
      404,
      'no_route',
      `Nothing is served at ${request.url.split('?')[0]}. ${request.protocol}://${request.host}/ tells what is.`,
    ),
  );

  const target = (app: string) => options.upstreams[app];
  const mounts = [
    ...options.routes.map((route) => ({ ...route, rewritePrefix: route.prefix })),
    ...Object.keys(options.upstreams).map((app) => ({ prefix: `/-/${app}`, app, rewritePrefix: '' })),
  ];
  for (const { prefix, app, rewritePrefix } of mounts) {
    const upstream = target(app);
    if (upstream === undefined) {
      for (const path of [prefix, `${prefix}/*`]) {
        server.all(path, (_request, reply) =>
          problem(reply, 503, 'service_not_running', `${prefix} is answered by ${app}, which is not part of this stack.`),
        );
      }
      continue;
    }
    await server.register(httpProxy, {
      upstream,
      prefix,
      rewritePrefix,
      // An answer is streamed for as long as it takes; only an app that does not begin to answer is given up.
      maxRetriesOn503: 0,
      destroyAgent: true,
      undici: { connections: 256, headersTimeout: 60_000, bodyTimeout: 0, keepAliveTimeout: 30_000 },
      replyOptions: {
        retriesCount: 0,
        onError: (reply) => {
          problem(
            reply,
            503,
            'service_unavailable',
            `${app} does not answer at the moment. It is started again by itself; try again shortly.`,
          );
        },
      },
    });
  }

  server.get('/.well-known/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(options.jwks),
  );
  server.get('/', (request, reply) => {
    const state = { ...options.status(), routes: options.routes.filter((route) => target(route.app) !== undefined) };
    if (!request.headers.accept?.includes('text/html')) return reply.send(state);
    return reply.type('text/html; charset=utf-8').send(statusPage(state));
  });
  await server.listen({ host: '127.0.0.1', port: options.port });
  return { url: `http://127.0.0.1:${options.port}`, stop: () => server.close() };
}

/** The part of Fastify's reply that is the same over every HTTP version. */
interface Answer {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

function problem<T extends Answer>(reply: T, status: number, code: string, detail: string): T {
  reply.code(status);
  reply.header('content-type', 'application/problem+json');
  reply.send(JSON.stringify({ type: `urn:ultracore:problem:${code}`, title: STATUS_CODES[status], status, code, detail }));
  return reply;
}
