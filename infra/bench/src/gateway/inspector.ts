import { z } from 'zod';

/** A Node process through its inspector (Chrome DevTools Protocol). */
export interface Inspector extends Disposable {
  /** Bytes that are in use after a garbage collection: the heap, and buffers outside of it. */
  usedBytes(): Promise<number>;
  startProfile(): Promise<void>;
  stopProfile(): Promise<Profile>;
}

const nodeSchema = z.object({
  id: z.number(),
  callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
  children: z.array(z.number()).optional(),
});
const profileSchema = z.looseObject({
  nodes: z.array(nodeSchema),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
/** As `Profiler.stop` gives it: what a `.cpuprofile` file holds. */
export type Profile = z.infer<typeof profileSchema>;

const targetsSchema = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const usageSchema = z.object({
  usedSize: z.number(),
  embedderHeapUsedSize: z.number().default(0),
  backingStorageSize: z.number().default(0),
});
const replySchema = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});

export async function connectInspector(port: number): Promise<Inspector> {
  const targets = targetsSchema.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error(`Nobody listens on the inspector's port ${port}.`)), { once: true });
  });
  const waiting = new Map<number, (reply: z.infer<typeof replySchema>) => void>();
  socket.addEventListener('message', ({ data }) => {
    const reply = replySchema.safeParse(JSON.parse(String(data)));
    if (reply.success) waiting.get(reply.data.id)?.(reply.data);
  });
  let calls = 0;
  async function call(method: string): Promise<unknown> {
    const id = (calls += 1);
    const reply = await new Promise<z.infer<typeof replySchema>>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method }));
    });
    waiting.delete(id);
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }
  return {
    async usedBytes() {
      // Twice: what finalizers let go of goes with the second.
      for (let times = 0; times < 2; times += 1) await call('HeapProfiler.collectGarbage');
      const { usedSize, backingStorageSize } = usageSchema.parse(await call('Runtime.getHeapUsage'));
      return usedSize + backingStorageSize;
    },
    async startProfile() {
      await call('Profiler.enable');
      await call('Profiler.start');
    },
    async stopProfile() {
      const { profile } = z.object({ profile: profileSchema }).parse(await call('Profiler.stop'));
      return profile;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

export interface Hot {
  name: string;
  place: string;
  /** Time spent in the function itself. */
  selfUs: number;
}

/** Functions by the time spent in themselves, the hottest first, and the time in which the process was not idle. */
export function hottest(profile: Profile): { busyUs: number; functions: Hot[] } {
  const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const functions = new Map<string, Hot>();
  let busyUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = byId.get(id);
    const time = profile.timeDeltas[index] ?? 0;
    if (frame === undefined || frame.functionName === '(idle)') continue;
    busyUs += time;
    const place =
      frame.url === '' ? '' : `${frame.url.replace(/^.*\/(?=(apps|packages|node_modules)\/)/, '')}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName} ${place}`;
    const hot = functions.get(key) ?? { name: frame.functionName || '(anonymous)', place, selfUs: 0 };
    hot.selfUs += time;
    functions.set(key, hot);
  }
  return { busyUs, functions: [...functions.values()].toSorted((a, b) => b.selfUs - a.selfUs) };
}
