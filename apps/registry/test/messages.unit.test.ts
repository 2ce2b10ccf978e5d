import { messagesOn } from '@ultracore/contracts';
import { expect, test } from 'vitest';
import { factTopics, messagesOfRegistry } from '../src/messages.ts';

test('no fact of another app is passed over: each type on each facts topic is read, once', () => {
  const read = messagesOfRegistry().map(({ topic, type }) => `${topic} ${type}`);
  for (const topic of factTopics()) {
    for (const { type } of messagesOn(topic)) expect(read).toContain(`${topic} ${type}`);
  }
  expect(new Set(read).size).toBe(read.length);
});
