import type { Backend, BackendOptions } from './backend.ts';
import { WireError } from './errors.ts';

/** Opens one server connection and logs in. Rejects with a WireError; an abort rejects with `connect_failed`. */
export function openBackend(options: BackendOptions, _signal?: AbortSignal): Promise<Backend> {
  return Promise.reject(new WireError('connect_failed', `no connection to ${options.host}`));
}
