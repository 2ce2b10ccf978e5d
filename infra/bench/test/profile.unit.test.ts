import { expect, test } from 'vitest';
import { hottest } from '../src/gateway/inspector.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 });

test('a profile adds up the time of each function, wherever it was called from, and leaves idle time out', () => {
  const { busyUs, functions } = hottest({
    nodes: [
      { id: 1, callFrame: frame('(root)') },
      { id: 2, callFrame: frame('encode', 'file:///x/packages/kafka/src/codec.ts') },
      { id: 3, callFrame: frame('encode', 'file:///x/packages/kafka/src/codec.ts') },
      { id: 4, callFrame: frame('(idle)') },
      { id: 5, callFrame: frame('', 'file:///x/node_modules/.pnpm/pg@8/node_modules/pg/lib/client.js') },
    ],
    samples: [2, 3, 4, 5],
    timeDeltas: [100, 50, 1000, 25],
  });
  expect(busyUs).toBe(175);
  expect(functions).toEqual([
    { name: 'encode', place: 'packages/kafka/src/codec.ts:10', selfUs: 150 },
    { name: '(anonymous)', place: 'node_modules/pg/lib/client.js:10', selfUs: 25 },
  ]);
});
