import { describe, expect, test } from 'vitest';
import { createFrameReader, FRAME_HEADER } from '../src/grpc/framing.ts';
import { toTrailers } from '../src/grpc/status.ts';

const frame = (body: Buffer, flag = 0) => {
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(body.byteLength, 1);
  return Buffer.concat([header, body]);
};
const bodies = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(5_000, 7), Buffer.from('four')];

describe('messages are cut out of a byte stream', () => {
  test.each([1, 2, 3, 5, 7, 1_000, 100_000])('that comes in chunks of %s bytes', (size) => {
    const stream = Buffer.concat(bodies.map((body) => frame(body)));
    const seen: Buffer[] = [];
    const read = createFrameReader((message) => seen.push(Buffer.from(message)));
    for (let start = 0; start < stream.byteLength; start += size) read(stream.subarray(start, start + size));
    expect(seen).toEqual(bodies);
  });

  test('but not when they are compressed or too long', () => {
    const read = () => createFrameReader(() => undefined);
    expect(() => read()(frame(Buffer.from('x'), 1))).toThrow('compressed');
    const header = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    expect(() => read()(header)).toThrow('longer than');
  });
});

test('trailers are visible ASCII, whatever a message holds', () => {
  const trailers = toTrailers({ code: 3, message: 'größer\n100%', details: { 'stream-name': 'ströme \ud800' } });
  expect(trailers).toEqual({
    'grpc-status': '3',
    'grpc-message': 'gr%C3%B6%C3%9Fer%0A100%25',
    'stream-name': 'str%C3%B6me %EF%BF%BD',
  });
});
