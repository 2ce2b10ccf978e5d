import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const rolloutSchema = z.object({
  rollout_id: z.string(),
  status: z.enum(['running', 'stopped', 'completed']),
  stopped: z.object({ code: z.string(), reason: z.string() }).nullable(),
  waves: z.array(
    z.object({
      tenants: z.number(),
      waiting: z.number(),
      running: z.number(),
      done: z.number(),
      failed: z.number(),
      skipped: z.number(),
    }),
  ),
});
type RolloutView = z.infer<typeof rolloutSchema>;

const EVERY_MS = 100;
const TOLD_EVERY_MS = 10_000;

/** Rollouts over HTTP, as an operator asks for them. */
export function createRolloutClient(origin: string, token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<RolloutView> => {
    const response = await fetch(new URL(path, origin), { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return rolloutSchema.parse(await response.json());
  };
  return {
    /** Asks for a rollout over everybody and answers when it runs no more and nothing that it asked is open. */
    async run(targetVersion: string, progress: (line: string) => void): Promise<RolloutView> {
      const { rollout_id: id } = await call('POST', '/v1/rollouts', { target_version: targetVersion, reason: 'bench' });
      let toldAt = performance.now();
      for (;;) {
        const view = await call('GET', `/v1/rollouts/${id}`);
        if (view.status !== 'running' && view.waves.every(({ running }) => running === 0)) return view;
        if (performance.now() - toldAt > TOLD_EVERY_MS) {
          toldAt = performance.now();
          progress(`to ${targetVersion}: ${view.waves.map(({ done, tenants }) => `${done} of ${tenants}`).join(', ')} done`);
        }
        await sleep(EVERY_MS);
      }
    },
  };
}
