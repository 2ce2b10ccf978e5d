import { messageByType } from '@ultracore/contracts';
import { describe, expect, it } from 'vitest';
import { driftRecord } from './drift.ts';

const requestId = '6b1c8a0e-3f0d-4c57-8f6e-0d1a2b3c4d5e';
const home = { tenant_id: 'acme', home_request_id: requestId };
const time = '2026-03-02T09:15:30.250Z';
const clean = { version: '0007', differences: [], count: 0, fingerprint: '' };
const drifted = {
  version: '0007',
  differences: ['table notes is not part of version 0007'],
  count: 71,
  fingerprint: 'ab'.repeat(32),
};
const known = (change: number, fingerprint: string | null) => ({ ...home, schema_drift: { change, fingerprint } });
const later = '2026-03-02T10:00:00.000Z';

describe('what is told of a comparison', () => {
  it('is nothing while it is what the directory says', () => {
    expect(driftRecord(home, clean, time)).toBeUndefined();
    expect(driftRecord(known(2, null), clean, time)).toBeUndefined();
    expect(driftRecord(known(1, drifted.fingerprint), drifted, time)).toBeUndefined();
    expect(driftRecord({ ...home, home_request_id: null }, drifted, time)).toBeUndefined();
  });

  it('is a fact of the contract once it is not, caused by the request that made the home', () => {
    const found = driftRecord(home, drifted, time);
    expect(found).toMatchObject({
      envelope: { type: 'TenantSchemaDriftDetectedEvent', causationId: requestId },
      body: { change: 1 },
    });
    const mended = driftRecord(known(1, drifted.fingerprint), clean, time);
    expect(mended).toMatchObject({
      envelope: { type: 'TenantSchemaDriftResolvedEvent', causationId: requestId },
      body: { change: 2 },
    });
    for (const record of [found, mended]) {
      expect(messageByType(record?.envelope.type ?? '')?.schema.safeParse(record?.body).error).toBeUndefined();
    }
  });

  it('is the same fact whenever it is told, and another one for each change, also for a change back', () => {
    const idOf = (...args: Parameters<typeof driftRecord>) => driftRecord(...args)?.envelope.id;
    expect(idOf(home, drifted, later)).toBe(idOf(home, drifted, time));
    const ids = [
      idOf(home, drifted, time),
      idOf(known(1, drifted.fingerprint), clean, time),
      idOf(known(2, null), drifted, time),
      idOf(known(1, drifted.fingerprint), { ...drifted, fingerprint: 'cd'.repeat(32) }, time),
      idOf({ ...home, home_request_id: '0d1a2b3c-3f0d-4c57-8f6e-6b1c8a0e4d5e' }, drifted, time),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
