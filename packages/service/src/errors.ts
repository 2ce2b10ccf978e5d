/** What this package can refuse, by code. Answers to an HTTP caller are `ProblemError`s instead. */
export type ServiceErrorCode = 'config_invalid' | 'crash_point_refused' | 'part_start_failed' | 'stop_deadline';

export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;

  constructor(code: ServiceErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of an error that was foreseen by whoever threw it; undefined for a bug. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && error.code !== '' ? error.code : undefined;
}

/** What an error says. One that only gathers others, as Node's of a host with several addresses, says nothing itself. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(sentenceOf).join('; ');
  return error.message || error.name;
}
