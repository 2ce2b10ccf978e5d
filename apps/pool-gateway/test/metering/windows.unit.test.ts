import { messageByType } from '@ultracore/contracts';
import { describe, expect, test } from 'vitest';
import { createUsageWindows } from '../../src/metering/windows.ts';
import type { PoolUsage } from '../../src/metering/usage.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 10, 0, second));
const make = () => {
  let ids = 0;
  const newId = () => `018f3c2a-7b1d-5001-9c4e-${String((ids += 1)).padStart(12, '0')}`;
  return createUsageWindows({ meter: 'pool-gateway.gw-1', start: at(0), newId });
};
const pool = (changes: Partial<PoolUsage> = {}): PoolUsage => ({
  busyMs: 0,
  queuedMs: 0,
  connectionMs: 0,
  connections: 0,
  peak: changes.connections ?? 0,
  ...changes,
});
const pools = (...entries: [string, PoolUsage][]) => {
  const map = new Map(entries);
  return (tenantId: string) => map.get(tenantId);
};

describe('a window', () => {
  test('has one event for each tenant that used anything, and none for the others', () => {
    const windows = make();
    windows.of('acme').statements += 3;
    windows.of('acme').rows += 40;
    windows.of('idle');
    const events = windows.cut(
      at(60),
      pools(['acme', pool({ busyMs: 1500, queuedMs: 20, connectionMs: 60_000, connections: 1, peak: 2 })], ['quiet', pool()]),
    );
    expect(events).toEqual([
      {
        event_id: '018f3c2a-7b1d-5001-9c4e-000000000001',
        tenant_id: 'acme',
        meter: 'pool-gateway.gw-1',
        window_start: at(0).toISOString(),
        recorded_at: at(60).toISOString(),
        connection_count: 2,
        query_count: 3,
        error_count: 0,
        throttled_count: 0,
        row_count: 40,
        bytes_in: 0,
        bytes_out: 0,
        busy_seconds: 1.5,
        connection_seconds: 60,
        queue_seconds: 0.02,
      },
    ]);
    expect(messageByType('TenantResourceUsageRecordedEvent').schema.safeParse(events[0]).error).toBeUndefined();
  });

  test('begins where the one before ended, and counts nothing twice', () => {
    const windows = make();
    windows.of('acme').statements += 1;
    windows.cut(at(60), pools(['acme', pool({ busyMs: 1000, connections: 1 })]));
    windows.of('acme').statements += 2;
    const [second] = windows.cut(at(120), pools(['acme', pool({ busyMs: 1250, connections: 1 })]));
    expect(second).toMatchObject({ window_start: at(60).toISOString(), query_count: 2, busy_seconds: 0.25 });
    expect(windows.cut(at(180), pools(['acme', pool({ busyMs: 1250 })]))).toEqual([]);
  });

  test('a tenant with connections and no statements is in it', () => {
    const windows = make();
    windows.of('acme').statements += 1;
    windows.cut(at(60), pools(['acme', pool({ connections: 1 })]));
    const [event] = windows.cut(at(120), pools(['acme', pool({ connectionMs: 60_000, connections: 1 })]));
    expect(event).toMatchObject({ query_count: 0, connection_seconds: 60, connection_count: 1 });
  });

  test('has what pools used that are gone since, and what those used that took their place', () => {
    const windows = make();
    windows.of('acme').statements += 1;
    windows.cut(at(60), pools(['acme', pool({ busyMs: 1000 })]));
    windows.settle('acme', () => pool({ busyMs: 1600, connectionMs: 500, peak: 3 }));
    windows.of('acme').statements += 1;
    const [event] = windows.cut(at(120), pools(['acme', pool({ busyMs: 50, connections: 1 })]));
    expect(event).toMatchObject({ busy_seconds: 0.65, connection_seconds: 0.5, connection_count: 3 });
    expect(windows.cut(at(180), pools(['acme', pool({ busyMs: 50 })]))).toEqual([]);
  });

  test('has what a tenant that is gone still uses, until its last connection is closed', () => {
    const windows = make();
    let used = pool({ busyMs: 100, connectionMs: 100, connections: 2 });
    let looks = 0;
    windows.settle('gone', () => {
      looks += 1;
      return used;
    });
    used = pool({ busyMs: 900, connectionMs: 1000, connections: 1 });
    // By then there is another tenant of this name.
    const anew = pools(['gone', pool({ busyMs: 5, connections: 1 })]);
    expect(windows.cut(at(60), anew)).toMatchObject([{ busy_seconds: 0.905, connection_seconds: 1, connection_count: 2 }]);
    used = pool({ busyMs: 1000, connectionMs: 1500 });
    expect(windows.cut(at(120), anew)).toMatchObject([{ busy_seconds: 0.1, connection_seconds: 0.5, connection_count: 1 }]);
    const before = looks;
    windows.cut(at(180), anew);
    expect(looks).toBe(before);
  });

  test('has what a tenant used that is gone', () => {
    const windows = make();
    windows.settle('gone', () => pool({ busyMs: 100 }));
    expect(windows.cut(at(60), pools())).toMatchObject([{ tenant_id: 'gone', busy_seconds: 0.1 }]);
  });
});
