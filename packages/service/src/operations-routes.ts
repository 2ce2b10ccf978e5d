import { collectDefaultMetrics, type Registry } from 'prom-client';
import { createDurations, type Timer } from './durations.ts';
import type { Health } from './health.ts';
import type { HttpServer } from './http-server.ts';

export interface Operations {
  metrics: Registry;
  readiness: Health;
  liveness: Health;
}

/** Not part of the API: for probes, scrapers and generators of clients. They need no token. */
export function addOperationsRoutes(server: HttpServer, { metrics, readiness, liveness }: Operations): void {
  collectDefaultMetrics({ register: metrics });
  const route = { config: { public: true }, schema: { hide: true } };
  const probe = (url: string, health: Health): void => {
    server.get(url, route, async (_request, reply) => {
      const report = await health.report();
      return reply.status(report.ok ? 200 : 503).send({ status: report.ok ? 'ok' : 'failing', checks: report.checks });
    });
  };
  probe('/livez', liveness);
  probe('/readyz', readiness);
  server.get('/metrics', route, async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.metrics()),
  );
  server.get('/openapi.json', route, async () => server.swagger());
}

/** Counts a request that was answered after `ms`. */
export type ObserveRequest = (method: string, route: string, status: number, ms: number) => void;

/** Durations by route pattern, never by path, so that the number of series does not grow with the tenants. */
export function observeRequests(server: HttpServer, metrics: Registry): ObserveRequest {
  const durations = createDurations(metrics, {
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  const byRoute = new Map<string, Map<string, Map<number, Timer>>>();
  const timerOf = (method: string, route: string, status: number): Timer => {
    const byMethod = entryOf(byRoute, route, () => new Map<string, Map<number, Timer>>());
    const byStatus = entryOf(byMethod, method, () => new Map<number, Timer>());
    return entryOf(byStatus, status, () => durations.timer({ method, route, status: String(status) }));
  };
  const observe: ObserveRequest = (method, route, status, ms) => timerOf(method, route, status).observe(ms / 1000);
  server.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const { statusCode: status, elapsedTime: ms } = reply;
    const route = request.routeOptions.url ?? 'none';
    observe(method, route, status, ms);
    request.log.debug({ method, route, status, ms }, 'request');
    done();
  });
  return observe;
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
