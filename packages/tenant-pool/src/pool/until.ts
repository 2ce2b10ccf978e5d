import { aborted, PoolError } from '../errors.ts';
import type { LeaseOptions } from './lease.ts';

/** What the promise comes to, unless the caller's deadline or signal comes before: what is waited for is not the caller's alone, and goes on. */
export function until<T>(promise: Promise<T>, { deadline, signal }: Partial<LeaseOptions>): Promise<T> {
  if (deadline === undefined && signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new PoolError('queue_timeout', 'The time of the request was up before the server had answered.'));
    const timer = deadline === undefined ? undefined : setTimeout(late, Math.max(0, deadline - performance.now()));
    const gone = (): void => reject(aborted());
    signal?.addEventListener('abort', gone);
    if (signal?.aborted === true) gone();
    void promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
    });
  });
}
