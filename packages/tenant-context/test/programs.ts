import { EventEmitter, once } from 'node:events';
import { stat } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as immediate, setTimeout as timeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { type Arbitrary, array, constant, constantFrom, letrec, oneof, record } from 'fast-check';
import type { TenantStorage } from '../src/index.ts';

/** The ways in which a program leaves the thread and comes back. */
export const HOPS = [
  'microtask',
  'nextTick',
  'immediate',
  'timeout',
  'file',
  'thread pool',
  'event',
  'callback of a shared connection',
  'stream',
  'own stream read by another',
  'async generator',
  'bound generator read by another',
  'query builder',
  'rejection',
] as const;
export type Hop = (typeof HOPS)[number];

export type Step =
  | { readonly kind: 'hop'; readonly hop: Hop }
  | { readonly kind: 'nested'; readonly tenantId: string; readonly steps: readonly Step[] }
  | { readonly kind: 'outside'; readonly steps: readonly Step[] }
  | { readonly kind: 'parallel'; readonly branches: readonly (readonly Step[])[] };

export interface Program {
  readonly tenantId: string;
  readonly steps: readonly Step[];
}

export const TENANTS = ['acme', 'globex', 'initech', 'umbrella'] as const;

const tenants = constantFrom(...TENANTS);

const { steps } = letrec<{ steps: readonly Step[]; step: Step }>((tie) => ({
  steps: array(tie('step'), { maxLength: 4, depthIdentifier: 'steps' }),
  step: oneof(
    { depthSize: 'small', withCrossShrink: true, depthIdentifier: 'steps' },
    { weight: 4, arbitrary: record({ kind: constant('hop' as const), hop: constantFrom(...HOPS) }) },
    { weight: 1, arbitrary: record({ kind: constant('nested' as const), tenantId: tenants, steps: tie('steps') }) },
    { weight: 1, arbitrary: record({ kind: constant('outside' as const), steps: tie('steps') }) },
    {
      weight: 1,
      arbitrary: record({ kind: constant('parallel' as const), branches: array(tie('steps'), { maxLength: 3 }) }),
    },
  ),
}));

export const programs: Arbitrary<Program> = record({ tenantId: tenants, steps });

/** What several tenants share: it was made for none of them, and calls back from whichever of them happens to be at work. */
export interface Shared {
  readonly bus: EventEmitter;
}

export const createShared = (): Shared => ({ bus: new EventEmitter().setMaxListeners(0) });

const deflateAsync = promisify(deflate);

/** One way out and back; `see` is called wherever code runs on the way. */
const hopOver = async (hop: Hop, storage: TenantStorage, { bus }: Shared, see: () => void): Promise<void> => {
  switch (hop) {
    case 'microtask':
      return new Promise((resolve) => {
        queueMicrotask(() => {
          see();
          resolve();
        });
      });
    case 'nextTick':
      return new Promise((resolve) => {
        process.nextTick(() => {
          see();
          resolve();
        });
      });
    case 'immediate':
      return immediate();
    case 'timeout':
      return timeout(1);
    case 'file':
      await stat('/');
      return;
    case 'thread pool':
      await deflateAsync('some bytes');
      return;
    case 'event': {
      const own = new EventEmitter();
      own.on('told', see);
      setImmediate(() => own.emit('told'));
      await once(own, 'told');
      return;
    }
    case 'callback of a shared connection': {
      const answered = Promise.withResolvers<void>();
      bus.once(
        'answer',
        storage.bind(() => {
          see();
          answered.resolve();
        }),
      );
      // Whoever asks last is answered together with all who wait: in its context, not in theirs.
      setImmediate(() => bus.emit('answer'));
      return answered.promise;
    }
    case 'stream': {
      const through = new PassThrough();
      setImmediate(() => through.end('some bytes'));
      for await (const _chunk of through) see();
      return;
    }
    case 'own stream read by another': {
      let left = 3;
      const own = storage.bindStream(
        new Readable({
          highWaterMark: 1,
          read() {
            see();
            this.push(left-- > 0 ? 'x' : null);
          },
        }),
      );
      return storage.runWithTenant('a-stranger', async () => {
        for await (const _chunk of own);
      });
    }
    case 'async generator':
      for await (const _value of valuesOf(see)) see();
      return;
    case 'bound generator read by another': {
      const bound = storage.bindIterable(valuesOf(see));
      return storage.runWithTenant('a-stranger', async () => {
        for await (const _value of bound);
      });
    }
    case 'query builder': {
      const tenantId = storage.findTenant();
      const lazy = lazily(() => {
        see();
        return immediate('rows');
      });
      await (tenantId === undefined ? storage.runWithoutTenant(async () => lazy) : storage.runWithTenant(tenantId, () => lazy));
      return;
    }
    case 'rejection':
      try {
        await immediate().then(() => Promise.reject(new Error('on purpose')));
      } catch {
        see();
      } finally {
        see();
      }
  }
};

/** Begins when it is awaited, and each time that it is, as what query builders return. */
export const lazily = <Value>(begin: () => PromiseLike<Value>): PromiseLike<Value> => ({
  // oxlint-disable-next-line unicorn/no-thenable -- this is what it is for
  then: (fulfilled, rejected) => begin().then(fulfilled, rejected),
});

async function* valuesOf(see: () => void): AsyncGenerator<number> {
  for (let value = 0; value < 3; value += 1) {
    see();
    yield value;
    see();
    await immediate();
    see();
  }
}

export interface Sight {
  readonly expected: string | undefined;
  readonly seen: string | undefined;
  readonly at: string;
}

/** Runs a program and hands back every look at the context that did not show what it should. */
export const runProgram = async (
  storage: TenantStorage,
  shared: Shared,
  program: Program,
  /** Called between the steps, to let the others go on. */
  pass: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ looks: number; wrong: Sight[] }> => {
  const wrong: Sight[] = [];
  let looks = 0;
  const look = (expected: string | undefined, at: string): void => {
    looks += 1;
    const seen = storage.findTenant();
    if (seen !== expected) wrong.push({ expected, seen, at });
  };

  const run = async (list: readonly Step[], expected: string | undefined): Promise<void> => {
    for (const step of list) {
      await pass();
      look(expected, `before ${step.kind}`);
      await runStep(step, expected);
      look(expected, `after ${step.kind === 'hop' ? step.hop : step.kind}`);
    }
  };
  const runStep = async (step: Step, expected: string | undefined): Promise<void> => {
    switch (step.kind) {
      case 'hop':
        return hopOver(step.hop, storage, shared, () => look(expected, step.hop));
      case 'nested':
        return storage.runWithTenant(step.tenantId, () => run(step.steps, step.tenantId));
      case 'outside':
        return storage.runWithoutTenant(() => run(step.steps, undefined));
      case 'parallel':
        await Promise.all(step.branches.map((branch) => run(branch, expected)));
    }
  };

  await storage.runWithTenant(program.tenantId, () => run(program.steps, program.tenantId));
  return { looks, wrong };
};
