import { KafkaError } from './errors.ts';

// Confluent's wire format: magic byte 0, the schema's id as a big-endian 32-bit integer, then the JSON. Ours for speed: docs/adr/0001.

const MAGIC = 0;
const PREFIX_BYTES = 5;

export const toWire = (schemaId: number, body: unknown): Buffer => {
  const json = JSON.stringify(body);
  const value = Buffer.allocUnsafe(PREFIX_BYTES + Buffer.byteLength(json));
  value.writeUInt8(MAGIC, 0);
  value.writeInt32BE(schemaId, 1);
  value.write(json, PREFIX_BYTES);
  return value;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws `not_wire_format`. `body` is whatever JSON says; it is not checked against a schema. */
export const fromWire = (value: Buffer | null): { schemaId: number; body: () => unknown } => {
  if (value === null) throw new KafkaError('not_wire_format', 'the record has no value');
  if (value.length <= PREFIX_BYTES || value.readUInt8(0) !== MAGIC) {
    throw new KafkaError('not_wire_format', 'the value does not start with the magic byte 0 and a schema id');
  }
  return {
    schemaId: value.readInt32BE(1),
    body: () => {
      try {
        return JSON.parse(utf8.decode(value.subarray(PREFIX_BYTES)));
      } catch (error) {
        throw new KafkaError('not_wire_format', 'what follows the schema id is not JSON', { cause: error });
      }
    },
  };
};
