/** Why the server cannot start or go on. */
export type EventStoreServerErrorCode =
  | 'bad_argument'
  | 'port_taken'
  | 'host_unusable'
  | 'data_dir_unusable'
  | 'data_dir_locked'
  | 'disk_full'
  | 'storage_failed';

/** The message is one sentence for the operator, with the remedy. */
export class EventStoreServerError extends Error {
  override readonly name = 'EventStoreServerError';
  readonly code: EventStoreServerErrorCode;

  constructor(code: EventStoreServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isEventStoreServerError = (error: unknown): error is EventStoreServerError => error instanceof EventStoreServerError;

/** The `code` of a Node.js system error, e.g. `EADDRINUSE`; undefined for anything else. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The primary result code of an SQLite error (https://sqlite.org/rescode.html); undefined for anything else. */
export function sqliteCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
