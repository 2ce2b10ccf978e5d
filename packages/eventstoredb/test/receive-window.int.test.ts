import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type Settings } from 'node:http2';
import { expect, test } from 'vitest';
import { createEventStoreDb } from '../src/index.ts';

test('a server may send a megabyte before any of it is taken', async () => {
  const server = createServer();
  const seen = Promise.withResolvers<{ session: ServerHttp2Session; settings: Settings }>();
  server.on('session', (session) => session.on('remoteSettings', (settings) => seen.resolve({ session, settings })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const store = createEventStoreDb({ connectionString: `esdb://127.0.0.1:${port}?tls=false` });

  const reading = store.readStream('tenant-a');
  reading.catch(() => undefined);
  const { session, settings } = await seen.promise;
  expect(settings.initialWindowSize).toBe(1024 * 1024);

  await store.stop();
  await expect(reading, 'what was read of a stream is not taken for all of it').rejects.toMatchObject({ code: 'stopped' });
  session.destroy();
  server.close();
  await once(server, 'close');
});
