/** The status codes of gRPC that this server answers with (https://grpc.io/docs/guides/status-codes/). */
export const GrpcCode = {
  OK: 0,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

/** How a call ends. `details` are extra trailers; the client builds its typed errors from them. */
export interface GrpcStatus {
  readonly code: GrpcCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** Ends a call with a status other than OK. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly status: GrpcStatus;

  constructor(code: GrpcCode, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = { code, message, details };
  }
}

/** What a handler threw, as a status. */
export function statusOf(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return error.status;
  return { code: GrpcCode.INTERNAL, message: error instanceof Error ? error.message : String(error) };
}

/** Trailers hold visible ASCII only; everything else is percent-encoded, as the gRPC specification has it for messages. */
const encoded = (text: string): string =>
  text.toWellFormed().replaceAll(/[^\x20-\x24\x26-\x7e]/gu, (found) => encodeURIComponent(found));

export function toTrailers({ code, message, details = {} }: GrpcStatus): Record<string, string> {
  const trailers: Record<string, string> = { 'grpc-status': String(code) };
  if (message !== '') trailers['grpc-message'] = encoded(message);
  for (const [name, value] of Object.entries(details)) trailers[name] = encoded(value);
  return trailers;
}
