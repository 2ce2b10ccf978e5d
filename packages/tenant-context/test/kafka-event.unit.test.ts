import { toHeaders } from '@ultracore/contracts';
import { describe, expect, test } from 'vitest';
import {
  createTenantStorage,
  findTenant,
  fromKafkaEvent,
  getTenant,
  isTenantContextError,
  withTenantContext,
  type KafkaEvent,
} from '../src/index.ts';

const envelope = {
  id: 'b2a5a33e-0f45-4a50-9f1c-5ee1b0cd3a11',
  type: 'TenantActivatedEvent',
  source: '/ultracore/registry',
  subject: 'tenant-acme',
  time: '2026-03-01T09:00:00Z',
  tenantId: 'acme',
  correlationId: 'request-7',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const event = (
  fields: Partial<KafkaEvent> & { change?: Record<string, string | string[] | Uint8Array | undefined> } = {},
): KafkaEvent => {
  const { change, ...rest } = fields;
  return { key: Buffer.from('acme'), headers: { ...toHeaders(envelope), ...change }, ...rest };
};

const codeOf = (given: KafkaEvent): string | undefined => {
  try {
    fromKafkaEvent(given);
  } catch (error) {
    if (isTenantContextError(error)) return error.code;
    throw error;
  }
  return undefined;
};

describe('fromKafkaEvent', () => {
  test('reads the tenant from headers of text and of bytes', () => {
    expect(fromKafkaEvent(event())).toBe('acme');
    expect(fromKafkaEvent(event({ key: 'acme', change: { ce_tenantid: Buffer.from('acme') } }))).toBe('acme');
  });

  test.for(['acme', 'tenant-acme', 'order-17', undefined])('takes the subject %j', (subject) => {
    expect(fromKafkaEvent(event({ change: { ce_subject: subject } }))).toBe('acme');
  });

  test.for([
    ['event_tenant_missing', event({ headers: undefined })],
    ['event_tenant_missing', event({ change: { ce_tenantid: undefined } })],
    ['event_tenant_invalid', event({ change: { ce_tenantid: 'ACME' }, key: 'ACME' })],
    ['event_tenant_invalid', event({ change: { ce_tenantid: '' }, key: '' })],
    ['event_tenant_invalid', event({ change: { ce_tenantid: '__beat-3' }, key: '__beat-3' })],
    ['event_tenant_mismatch', event({ key: 'globex' })],
    ['event_tenant_mismatch', event({ key: null })],
    ['event_tenant_mismatch', event({ change: { ce_tenantid: ['acme', 'globex'] } })],
    ['event_tenant_mismatch', event({ change: { ce_subject: 'tenant-globex' } })],
    ['event_tenant_mismatch', event({ change: { ce_subject: ['tenant-acme', 'tenant-globex'] } })],
  ] as const)('refuses with %s: %j', ([code, given]) => {
    expect(codeOf(given)).toBe(code);
  });
});

describe('withTenantContext', () => {
  test.for([
    ['a bare record', event()],
    ['the payload of eachMessage', { topic: 't', partition: 0, message: event() }],
    ['a message of @ultracore/kafka', { type: 'TenantActivatedEvent', raw: event() }],
  ] as const)('runs the handler for the tenant of %s, and hands on arguments and result', async ([, delivery]) => {
    const handler = withTenantContext(async (given: typeof delivery, attempt: number) => {
      await Promise.resolve();
      return [given, attempt, getTenant()];
    });
    expect(await handler(delivery, 2)).toEqual([delivery, 2, 'acme']);
    expect(findTenant()).toBeUndefined();
  });

  test('keeps what belongs to the message, so that what it causes can be told', async () => {
    const storage = createTenantStorage();
    const handler = withTenantContext((_delivery: KafkaEvent) => storage.current(), { storage });
    expect(handler(event())).toEqual({
      tenantId: 'acme',
      principal: '/ultracore/registry',
      correlationId: 'request-7',
      traceparent: envelope.traceparent,
    });
    expect(handler(event({ change: { ce_correlationid: ['a', 'b'], traceparent: '' } }))).toEqual({
      tenantId: 'acme',
      principal: '/ultracore/registry',
    });
  });

  test('never calls the handler for a message whose tenant is not clear: it is refused, or thrown out', () => {
    const strange = event({ key: 'globex' });
    const seen: unknown[] = [];
    const handler = (given: KafkaEvent) => {
      seen.push(given);
      return 'handled';
    };
    expect(() => withTenantContext(handler)(strange)).toThrow('the key of the message');
    const forgiving = withTenantContext(handler, { onRefused: ({ code }) => `${code} for ${findTenant() ?? 'nobody'}` });
    expect(forgiving(strange)).toBe('event_tenant_mismatch for nobody');
    expect(seen).toEqual([]);
  });

  test('does not take an error of the handler for a refusal', () => {
    const failing = withTenantContext(
      (_delivery: KafkaEvent) => {
        throw new RangeError('on purpose');
      },
      { onRefused: () => undefined },
    );
    expect(() => failing(event())).toThrow(RangeError);
  });
});
