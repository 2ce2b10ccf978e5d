import type { GrpcCall, GrpcMethod } from './call.ts';
import { GrpcCode, GrpcError, statusOf } from './status.ts';

/** One message in, any number out: `answer` sends them; when it is done the call ends. */
export function serverStreaming(answer: (request: Buffer, call: GrpcCall) => Promise<void>): GrpcMethod {
  return (call) => {
    let request: Buffer | undefined;
    return {
      message: (bytes) => {
        request = bytes;
      },
      halfClose: () => {
        if (!request) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the request message is missing');
        answer(request, call).then(
          () => call.end(),
          (error: unknown) => call.end(statusOf(error)),
        );
      },
    };
  };
}

/** One message in, one out. */
export function unary(answer: (request: Buffer, call: GrpcCall) => Promise<Buffer> | Buffer): GrpcMethod {
  return serverStreaming(async (request, call) => {
    call.send(await answer(request, call));
  });
}
