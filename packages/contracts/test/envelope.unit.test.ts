import { describe, expect, it } from 'vitest';
import { ContractError, beatKey, fromHeaders, isBeatKey, toHeaders } from '../src/index.ts';
import type { Envelope } from '../src/index.ts';

const envelope: Envelope = {
  id: '018f3c2a-7b1d-5001-9c4e-2f6a8b0d0007',
  type: 'TenantActivatedEvent',
  source: '/ultracore/registry',
  subject: 'tenant-enterprise-001',
  time: '2026-03-02T09:15:30.250Z',
  tenantId: 'enterprise-001',
  sequence: 0,
  correlationId: 'c-1',
  causationId: '018f3c2a-7b1d-5001-9c4e-2f6a8b0d0008',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'no error';
  } catch (error) {
    return error instanceof ContractError ? error.code : 'another error';
  }
};

describe('the envelope', () => {
  it('comes back from headers as it went in, also as the bytes Kafka hands over', () => {
    const headers = toHeaders(envelope);
    expect(fromHeaders(headers)).toEqual(envelope);
    expect(fromHeaders(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])))).toEqual(
      envelope,
    );
  });

  it('leaves out what was not given', () => {
    const { sequence: _s, correlationId: _c, causationId: _k, traceparent: _t, ...least } = envelope;
    expect(fromHeaders(toHeaders(least))).toEqual(least);
  });

  it.each(['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time', 'ce_tenantid'])(
    'refuses headers without %s, with it twice, empty, or overlong',
    (name) => {
      const headers = toHeaders(envelope);
      const { [name]: _missing, ...rest } = headers;
      for (const bad of [
        rest,
        { ...headers, [name]: ['1.0', '1.0'] },
        { ...headers, [name]: '' },
        { ...headers, [name]: 'x'.repeat(513) },
      ]) {
        expect(codeOf(() => fromHeaders(bad))).toBe('bad_envelope');
      }
    },
  );

  it.each([
    { ce_specversion: '0.3' },
    { ce_tenantid: 'Not-An-Id' },
    { ce_time: 'yesterday' },
    { ce_time: '2026-03-02T09:15:30+01:00' },
    { ce_sequence: '-1' },
    { ce_sequence: '1e400' },
  ])('refuses %j', (change) => {
    expect(codeOf(() => fromHeaders({ ...toHeaders(envelope), ...change }))).toBe('bad_envelope');
  });

  it('does not refuse a message for a broken trace context, but leaves it out', () => {
    expect(fromHeaders({ ...toHeaders(envelope), traceparent: 'nonsense' }).traceparent).toBeUndefined();
  });
});

describe('beats', () => {
  it('have keys that no tenant id can equal', () => {
    expect(isBeatKey(beatKey(11))).toBe(true);
    expect(isBeatKey('enterprise-001')).toBe(false);
    expect(fromHeaders(toHeaders({ ...envelope, tenantId: beatKey(3) })).tenantId).toBe('__beat-3');
  });
});
