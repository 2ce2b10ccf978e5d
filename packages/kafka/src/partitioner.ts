import { Partitioners } from 'kafkajs';
import type { ICustomPartitioner } from 'kafkajs';

const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** The 32-bit hash by which Kafka's own producers place keys (`Utils.murmur2` of the Java client), as a signed integer. */
const murmur2 = (bytes: Buffer): number => {
  const length = bytes.byteLength;
  const whole = length - (length % 4);
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), MIX);
    word = Math.imul(word ^ (word >>> 24), MIX);
    hash = Math.imul(hash, MIX) ^ word;
  }
  if (whole < length) hash = Math.imul(hash ^ bytes.readUIntLE(whole, length - whole), MIX);
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
};

/** Places records as kafkajs's default does, but computes in 32-bit integers, which takes a small part of the time. */
export const createPartitioner: ICustomPartitioner = () => {
  const place = Partitioners.DefaultPartitioner();
  return (args) => {
    const { partition, key } = args.message;
    if (typeof partition === 'number' || key === null || key === undefined) return place(args);
    return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % args.partitionMetadata.length;
  };
};
