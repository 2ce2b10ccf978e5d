import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Route } from '../routes.ts';
import { createProxy } from './proxy.ts';
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
  const proxies = new Map(Object.entries(options.upstreams).map(([app, upstream]) => [app, createProxy(upstream)]));

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const url = incoming.url ?? '/';
    const path = url.split('?')[0] ?? '/';
    if (path === '/') return status(incoming, outgoing);
    if (path === '/.well-known/jwks.json') return send(outgoing, 200, 'application/json', JSON.stringify(options.jwks));
    const mount = find(path);
    if (mount === undefined)
      return problem(outgoing, 404, 'no_route', `Nothing is served at ${path}. The page / of this origin tells what is.`);
    const proxy = proxies.get(mount.app);
    if (proxy === undefined) {
      return problem(
        outgoing,
        503,
        'service_not_running',
        `${mount.prefix} is answered by ${mount.app}, which is not part of this stack.`,
      );
    }
    return proxy.forward(incoming, outgoing, mount.isOperations ? url.slice(mount.prefix.length) || '/' : url, () => {
      problem(
        outgoing,
        503,
        'service_unavailable',
        `${mount.app} does not answer at the moment. It is started again by itself; try again shortly.`,
      );
    });
  };

  const find = (path: string): (Route & { isOperations: boolean }) | undefined => {
    const isBelow = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
    const route = options.routes.find(({ prefix }) => isBelow(prefix));
    if (route !== undefined) return { ...route, isOperations: false };
    const app = [...proxies.keys()].find((name) => isBelow(`/-/${name}`));
    return app === undefined ? undefined : { prefix: `/-/${app}`, app, isOperations: true };
  };

  const status = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const state = { ...options.status(), routes: options.routes.filter(({ app }) => proxies.has(app)) };
    if (incoming.headers.accept?.includes('text/html')) send(outgoing, 200, 'text/html; charset=utf-8', statusPage(state));
    else send(outgoing, 200, 'application/json', JSON.stringify(state));
  };

  const server = createServer(handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: options.port }, resolve);
  });
  return {
    url: `http://127.0.0.1:${options.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const proxy of proxies.values()) proxy.stop();
      }),
  };
}

function problem(outgoing: ServerResponse, code: number, name: string, detail: string): void {
  const body = { type: `urn:ultracore:problem:${name}`, title: STATUS_CODES[code], status: code, code: name, detail };
  send(outgoing, code, 'application/problem+json', JSON.stringify(body));
}

function send(outgoing: ServerResponse, code: number, type: string, body: string): void {
  outgoing.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
  outgoing.end(body);
}
