import { describe, expect, it, vi } from 'vitest';
import { adminClient } from './support.ts';

const IDLE_MS = 500;

describe('the patched kafkajs', () => {
  it('sets no timer each millisecond on an idle connection, and warns of no negative timeout', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', onWarning);
    const producer = adminClient().kafka.producer({ idempotent: true });
    await producer.connect();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const set = timers.mock.calls.length;
    timers.mockRestore();
    await producer.disconnect();
    process.off('warning', onWarning);
    expect(set).toBeLessThan(20);
    expect(warnings).toEqual([]);
  });
});
