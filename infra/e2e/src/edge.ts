import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwksOf, ROUTES, startEdge } from '@ultracore/local';
import { freePort, uniqueName } from '@ultracore/testkit';
import type { Platform, ServiceName } from './platform.ts';

const SERVICE_NAMES: readonly ServiceName[] = ['registry', 'provisioning-worker', 'pool-gateway'];

/** The platform's running services behind one origin, with a stack file that tools find them by. */
export interface Fronted extends AsyncDisposable {
  readonly url: string;
  readonly stackFile: string;
}

/** Puts an edge before the services of a platform that run now, as the launcher does. */
export async function frontPlatform(platform: Platform): Promise<Fronted> {
  const { stack, secrets, tokens } = platform;
  const upstreams = Object.fromEntries(SERVICE_NAMES.flatMap((name) => platform.running(name).map(({ url }) => [name, url])));
  const edge = await startEdge({
    port: await freePort(),
    routes: ROUTES,
    upstreams,
    jwks: jwksOf(secrets),
    status: () => ({ ready: true, parts: [] }),
  });
  const stackFile = join(stack.data_dir, `${uniqueName('stack')}.json`);
  writeFileSync(stackFile, JSON.stringify({ ...stack, edge_url: edge.url, tokens, service_urls: upstreams }), { mode: 0o600 });
  return {
    url: edge.url,
    stackFile,
    async [Symbol.asyncDispose]() {
      await edge.stop();
      rmSync(stackFile, { force: true });
    },
  };
}
