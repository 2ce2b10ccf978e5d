import { describe, expect, it, vi } from 'vitest';
import { createHealth } from '../src/index.ts';

describe('createHealth', () => {
  it('is fine when every check is', async () => {
    const health = createHealth();
    health.add('kafka', () => undefined);
    health.add('postgres', async () => undefined);
    expect(await health.report()).toEqual({
      ok: true,
      checks: [
        { name: 'kafka', ok: true },
        { name: 'postgres', ok: true },
      ],
    });
  });

  it('names what fails with its reason, without secrets', async () => {
    const health = createHealth();
    health.add('kafka', () => 'consumer stopped');
    health.add('postgres', () => Promise.reject(new Error('postgres://u:hunter2@h refused')));
    expect(await health.report()).toEqual({
      ok: false,
      checks: [
        { name: 'kafka', ok: false, reason: 'consumer stopped' },
        { name: 'postgres', ok: false, reason: 'postgres://u:[redacted]@h refused' },
      ],
    });
  });

  it('shows what is advisory without failing for it', async () => {
    const health = createHealth();
    health.add('kafka', () => undefined);
    health.add('second server', () => 'not hardened', { advisory: true });
    expect(await health.report()).toEqual({
      ok: true,
      checks: [
        { name: 'kafka', ok: true },
        { name: 'second server', ok: false, reason: 'not hardened' },
      ],
    });
  });

  it('takes a check that hangs for failed', async () => {
    vi.useFakeTimers();
    try {
      const health = createHealth();
      health.add('stuck', () => new Promise(() => undefined));
      const report = health.report();
      await vi.advanceTimersByTimeAsync(2000);
      expect(await report).toMatchObject({ ok: false, checks: [{ reason: 'no answer within 2000 ms' }] });
    } finally {
      vi.useRealTimers();
    }
  });
});
