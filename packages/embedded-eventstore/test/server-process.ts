import { fileURLToPath } from 'node:url';
import { type SpawnedProcess, spawnProcess, waitFor } from '@ultracore/testkit';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export const spawnServer = (...args: string[]): Promise<SpawnedProcess> => spawnProcess(['node', MAIN, ...args]);

/** The server as a process of its own, ready. */
export async function startServerProcess(dataDir: string, port = 0): Promise<SpawnedProcess & { url: string; port: number }> {
  const server = await spawnServer('--port', String(port), '--data-dir', dataDir);
  const [, url = '', ownPort] = await waitFor(
    () => {
      if (!server.isAlive()) throw new Error(`the server ended: ${server.output()}`);
      return /ready: (esdb:\/\/[^:]+:(\d+)\S*)/.exec(server.output());
    },
    { what: 'the event store to be ready' },
  );
  return Object.assign(server, { url, port: Number(ownPort) });
}
