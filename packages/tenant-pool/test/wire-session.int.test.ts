import { testStack, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../src/index.ts';
import { wireDatabase } from './wire-database.ts';
import { startWire } from './wire-network.ts';
import { brief, run, start } from './wire-outcome.ts';

const { open, options } = wireDatabase();

describe('a session', () => {
  it('shows when a statement has left something on it', async () => {
    const backend = await open();
    await run(backend, "set timezone to 'Asia/Tokyo'");
    expect(backend.settingsAltered).toBe(true);
    await backend.command('discard all');
    expect(backend.settingsAltered).toBe(false);
  });

  it('stops reading when paused, so that the server stops sending', async () => {
    const backend = await open();
    let bytes = 0;
    const ended = Promise.withResolvers<string>();
    backend.execute(
      { text: "select repeat('x', 1000) from generate_series(1, 100000)", params: [] },
      {
        columns: () => backend.pause(),
        row: (_buffer, from, to) => {
          bytes += to - from;
        },
        complete: ended.resolve,
        failed: ended.reject,
      },
    );
    const observer = await open();
    await waitFor(
      async () => {
        const { rows } = await run(observer, 'select wait_event from pg_stat_activity where pid = $1', [
          String(backend.processId),
        ]);
        return rows[0]?.[0] === 'ClientWrite';
      },
      { what: 'the server to wait for us' },
    );
    expect(bytes).toBeLessThanOrEqual(64 * 1024);
    backend.resume();
    await expect(ended.promise).resolves.toBe('SELECT 100000');
    expect(bytes).toBe(100_000 * 1006);
  });

  it('has what it runs cancelled, and a neighbour behind it is run', async () => {
    const backend = await open();
    const slow = start(backend, { text: 'select pg_sleep(60)', params: [] });
    const behind = start(backend, { text: 'select 1', params: [] });
    const observer = await open();
    await waitFor(
      async () => {
        const { rows } = await run(observer, 'select wait_event from pg_stat_activity where pid = $1', [
          String(backend.processId),
        ]);
        return rows[0]?.[0] === 'PgSleep';
      },
      { what: 'the statement to run' },
    );
    expect([slow.execution.started, behind.execution.started]).toEqual([true, false]);
    await backend.cancel();
    expect(brief(await slow.ended)).toBe('57014');
    expect(brief(await behind.ended)).toEqual({ rows: [['1']], tag: 'SELECT 1' });
  });

  it('that cannot be cancelled, because nobody listens, says so by doing nothing', async () => {
    const wire = await startWire(testStack().postgres, (bytes, client) => client.write(bytes));
    const backend = await open({ host: wire.host, port: wire.port });
    await wire[Symbol.asyncDispose]();
    await expect(backend.cancel()).resolves.toBeUndefined();
    await backend.closed;
    await expect(backend.cancel()).resolves.toBeUndefined();
  });
});

describe('a connection that ends', () => {
  it('because the server ends it: the running statement may have run, those behind it have not', async () => {
    const backend = await open();
    const running = start(backend, { text: 'select pg_sleep(60)', params: [] });
    const behind = start(backend, { text: "insert into account values (7001, 'never')", params: [] });
    const admin = await open();
    await waitFor(
      async () => {
        const { rows } = await run(admin, 'select wait_event from pg_stat_activity where pid = $1', [String(backend.processId)]);
        return rows[0]?.[0] === 'PgSleep';
      },
      { what: 'the statement to run' },
    );
    await run(admin, 'select pg_terminate_backend($1)', [String(backend.processId)]);
    expect((await running.ended).error).toMatchObject({ code: 'connection_lost', started: true, sqlstate: '57P01' });
    expect((await behind.ended).error).toMatchObject({ code: 'connection_lost', started: false });
    expect((await backend.closed)?.sqlstate).toBe('57P01');
    expect((await run(admin, 'select count(*) from account where id = 7001')).rows).toEqual([['0']]);
  });

  it('while idle is noticed at once', async () => {
    const backend = await open();
    const admin = await open();
    await run(admin, 'select pg_terminate_backend($1)', [String(backend.processId)]);
    expect((await backend.closed)?.code).toBe('connection_lost');
    expect(backend.state).toBe('closed');
    expect((await run(backend, 'select 1')).error).toMatchObject({ code: 'connection_lost', started: false });
  });

  it('anywhere in the stream ends each statement once, with its own result or as lost', async () => {
    const texts = [
      'select id, name from account where id < 4 order by id',
      'selec',
      'select 1',
      "select repeat('x', 300)",
      'select 2',
    ];
    const reference = await open();
    const whole = (await Promise.all(texts.map((text) => run(reference, text)))).map(brief);
    let limit = Infinity;
    await using wire = await startWire(testStack().postgres, (bytes, client, before) => {
      client.write(bytes.subarray(0, Math.max(0, limit - before)));
      if (before + bytes.length >= limit) client.destroy();
    });
    let seen = 0;
    await using counter = await startWire(testStack().postgres, (bytes, client, before) => {
      seen = before + bytes.length;
      client.write(bytes);
    });
    const counted = await open({ host: counter.host, port: counter.port });
    const afterLogin = seen;
    await Promise.all(texts.map((text) => run(counted, text)));
    // Lengths of the login differ by a few bytes from connection to connection (process id, key, a salt): a few cuts fall into it.
    for (limit = afterLogin - 5; limit < seen; limit += 11) {
      const backend = await openBackend(options({ host: wire.host, port: wire.port })).catch(() => undefined);
      if (backend === undefined) continue;
      const outcomes = await Promise.all(texts.map((text) => run(backend, text)));
      for (const [index, outcome] of outcomes.entries()) {
        expect(outcome.ends).toBe(1);
        expect([whole[index], 'connection_lost']).toContainEqual(brief(outcome));
      }
      await backend.closed;
    }
  });

  it('by close lets what is in flight end, and the server has forgotten it by then', async () => {
    const backend = await openBackend(options());
    const last = run(backend, 'select pg_sleep(0.05), 1');
    backend.close();
    expect(brief(await run(backend, 'select 2'))).toBe('connection_lost');
    expect((await last).tag).toBe('SELECT 1');
    await expect(backend.closed).resolves.toBeUndefined();
    const observer = await open();
    expect(
      (await run(observer, 'select count(*) from pg_stat_activity where pid = $1', [String(backend.processId)])).rows,
    ).toEqual([['0']]);
  });

  it('by destroy fails what is in flight, and is no fault', async () => {
    const backend = await openBackend(options());
    const running = run(backend, 'select pg_sleep(60)');
    await waitFor(() => backend.headSince !== undefined, { what: 'the statement to be sent' });
    backend.destroy();
    backend.destroy();
    expect(brief(await running)).toBe('connection_lost');
    await expect(backend.closed).resolves.toBeUndefined();
  });
});
