import type { EventEmitter } from 'node:events';

/** Runs something in a context. */
export type Runner = <Result>(work: () => Result) => Result;

/** What streams of each kind do when they are asked to; Node calls it in the context of whoever reads or writes. */
const STREAM_WORK = ['_read', '_write', '_writev', '_transform', '_flush', '_final', '_destroy'] as const;

const bindMethod = (target: object, name: string, run: Runner): void => {
  const method: unknown = Reflect.get(target, name);
  if (typeof method !== 'function') return;
  const bound = (...args: unknown[]): unknown => run(() => Reflect.apply(method, target, args));
  // Not enumerable, as methods are.
  Object.defineProperty(target, name, { value: bound, writable: true, configurable: true, enumerable: false });
};

export const bindEmitter = <Emitter extends EventEmitter>(emitter: Emitter, run: Runner): Emitter => {
  bindMethod(emitter, 'emit', run);
  return emitter;
};

export const bindStream = <Stream extends EventEmitter>(stream: Stream, run: Runner): Stream => {
  for (const name of STREAM_WORK) bindMethod(stream, name, run);
  return bindEmitter(stream, run);
};

export const bindIterable = <Item>(iterable: AsyncIterable<Item>, run: Runner): AsyncIterableIterator<Item> => {
  const iterator = run(() => iterable[Symbol.asyncIterator]());
  return {
    next: () => run(() => iterator.next()),
    return: (value?: unknown) =>
      run(async () => (iterator.return === undefined ? { done: true as const, value } : iterator.return(value))),
    throw: (error: unknown) =>
      run(async () => {
        if (iterator.throw === undefined) throw error;
        return iterator.throw(error);
      }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
