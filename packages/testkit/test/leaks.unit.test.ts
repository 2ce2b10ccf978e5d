import { describe, expect, test } from 'vitest';
import { spawnProcess, TestkitError, waitFor } from '../src/index.ts';

describe('waitFor', () => {
  test('hands back what the condition answers once it is truthy', async () => {
    let asked = 0;
    await expect(waitFor(() => (++asked < 3 ? undefined : asked), { what: 'the third answer', everyMs: 1 })).resolves.toBe(3);
  });

  test('names what was waited for and the last error when the deadline passes', async () => {
    const waiting = waitFor(() => Promise.reject(new Error('not yet')), { what: 'the moon', deadlineMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow('Waited 5 ms in vain for the moon (not yet).');
    await expect(waiting).rejects.toBeInstanceOf(TestkitError);
  });
});

describe('spawnProcess', () => {
  test('collects what the process writes and tells how it ended', async () => {
    await using process_ = await spawnProcess(['node', '-e', 'console.log(process.env.GREETING); process.exit(3)'], {
      env: { GREETING: 'hello' },
    });
    await expect(process_.exited).resolves.toEqual({ code: 3, signal: null });
    expect(process_.output()).toBe('hello\n');
  });

  test('ends a process that ignores SIGTERM after the grace', async () => {
    const process_ = await spawnProcess([
      'node',
      '-e',
      'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)',
    ]);
    await waitFor(() => process_.output() === 'up\n', { what: 'the process to be up' });
    await process_.stop(50);
    await expect(process_.exited).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a program that does not exist is one clear error', async () => {
    await expect(spawnProcess(['no-such-program'])).rejects.toMatchObject({ code: 'spawn_failed' });
  });
});
