import { GrpcCode, GrpcError } from '../grpc/status.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Reads a message `UUID`, written as text or as two signed halves. In lower case, with hyphens. */
export function readUuid(message: ProtobufReader): string {
  let id = '';
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) id = fromHalves(message.message());
    else if (field === 2) id = message.string().toLowerCase();
    else message.skip();
  }
  if (!UUID_TEXT.test(id)) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, `'${id}' is not a UUID`);
  return id;
}

function fromHalves(message: ProtobufReader): string {
  const halves = Buffer.alloc(16);
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) halves.writeBigInt64BE(message.int64(), 0);
    else if (field === 2) halves.writeBigInt64BE(message.int64(), 8);
    else message.skip();
  }
  const hex = halves.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Writes a message `UUID` as field `field`. */
export function writeUuid(writer: ProtobufWriter, field: number, id: string, asText: boolean): void {
  const mark = writer.mark();
  if (asText) {
    writer.string(2, id);
  } else {
    const halves = Buffer.from(id.replaceAll('-', ''), 'hex');
    const structured = writer.mark();
    writer.uint64(2, halves.readBigInt64BE(8));
    writer.uint64(1, halves.readBigInt64BE(0));
    writer.message(1, structured);
  }
  writer.message(field, mark);
}
