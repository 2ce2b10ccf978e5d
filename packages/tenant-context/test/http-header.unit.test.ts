import { describe, expect, test } from 'vitest';
import { fromHttpHeader, isTenantContextError, TENANT_HEADER, toHttpHeaders } from '../src/index.ts';

const codeOf = (headers: Parameters<typeof fromHttpHeader>[0]): string | undefined => {
  try {
    fromHttpHeader(headers);
  } catch (error) {
    if (isTenantContextError(error)) return error.code;
    throw error;
  }
  return undefined;
};

describe('fromHttpHeader', () => {
  test('reads the tenant, whatever the case of the header, from headers of Node and of fetch', () => {
    expect(fromHttpHeader({ [TENANT_HEADER]: 'acme' })).toBe('acme');
    expect(fromHttpHeader({ 'X-UltraCore-Tenant-Id': 'acme' })).toBe('acme');
    expect(fromHttpHeader(new Headers({ 'X-UltraCore-Tenant-Id': 'acme' }))).toBe('acme');
    expect(fromHttpHeader({ get: 'a header of this name', [TENANT_HEADER]: 'acme' })).toBe('acme');
  });

  test.for([{}, { [TENANT_HEADER]: '' }, { [TENANT_HEADER]: undefined }, new Headers()])('refuses to guess: %j', (headers) => {
    expect(codeOf(headers)).toBe('tenant_header_missing');
  });

  test.for([
    { [TENANT_HEADER]: 'acme, globex' },
    { [TENANT_HEADER]: 'acme, acme' },
    { [TENANT_HEADER]: ['acme', 'acme'] },
    { [TENANT_HEADER]: 'acme', 'X-Ultracore-Tenant-Id': 'globex' },
  ])('refuses a header that comes more than once: %j', (headers) => {
    expect(codeOf(headers)).toBe('tenant_header_repeated');
  });

  test('refuses a header that fetch joined', () => {
    const headers = new Headers();
    headers.append(TENANT_HEADER, 'acme');
    headers.append(TENANT_HEADER, 'globex');
    expect(codeOf(headers)).toBe('tenant_header_repeated');
  });

  test.for(['ACME', 'a', 'acme_1', 'acme--1', '../acme', 'acme\u0000', 'acme;drop', 'ａｃｍｅ', 'acme '])(
    'refuses %j',
    (value) => {
      expect(codeOf({ [TENANT_HEADER]: value })).toBe('tenant_header_invalid');
    },
  );
});

test('toHttpHeaders names tenant, correlation and trace, and nobody’s principal', () => {
  expect(toHttpHeaders({ tenantId: 'acme' })).toEqual({ [TENANT_HEADER]: 'acme' });
  expect(toHttpHeaders({ tenantId: 'acme', correlationId: 'c', traceparent: 't', principal: 'p', readonly: true })).toEqual({
    [TENANT_HEADER]: 'acme',
    'x-correlation-id': 'c',
    traceparent: 't',
  });
});
