import { createInMemoryEventStore } from '@ultracore/event-sourcing';
import { expect, test } from 'vitest';
import { createNews } from '../../src/inbound/http/live/news.ts';

test('whoever listens after it could not be found out where to begin tries anew, and is told', async () => {
  const store = createInMemoryEventStore();
  let isAway = true;
  const news = createNews({ store, position: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(null)) });
  const failing = [1, 2].map(() => news.listen('tenant-a', () => undefined));
  for (const each of failing) await expect(each).rejects.toThrow('away');
  isAway = false;
  const told = new Promise<void>((resolve) => {
    void news
      .listen('tenant-a', resolve)
      .then(() =>
        store.append(
          'tenant-a',
          [{ id: '018f3c2a-7b1d-5028-9c4e-2f6a8b0d0118', type: 'X.v1', data: {}, metadata: {} }],
          'no_stream',
        ),
      );
  });
  await expect(told).resolves.toBeUndefined();
});
