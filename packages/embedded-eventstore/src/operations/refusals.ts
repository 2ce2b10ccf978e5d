import { GrpcCode, GrpcError } from '../grpc/status.ts';

/** The client makes its `StreamDeletedError` of it. */
export function streamDeleted(streamName: string): GrpcError {
  return new GrpcError(GrpcCode.FAILED_PRECONDITION, `Event stream '${streamName}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': streamName,
  });
}
