import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createServiceTokens } from '../src/identity/service-tokens.ts';
import { startIdentityProvider, type IdentityProvider } from '../src/local/index.ts';

let issued: string[] = [];
let isOut = false;
let provider: IdentityProvider;

beforeAll(async () => {
  provider = await startIdentityProvider(async (tenantId, subject) => {
    if (isOut) throw new Error('on purpose');
    issued.push(tenantId);
    return `${subject} for ${tenantId}`;
  });
});
afterAll(() => provider.close());
beforeEach(() => {
  issued = [];
});

const tokens = (clientSecret = provider.clientSecret) =>
  createServiceTokens({ url: provider.tokenUrl, clientId: provider.clientId, clientSecret });

describe('the service’s own tokens', () => {
  test('are one a tenant, asked for once while they last', async () => {
    const own = tokens();
    expect(await own.authorizationFor('acme')).toBe('Bearer service-portfolios for acme');
    expect(await own.authorizationFor('globex')).toBe('Bearer service-portfolios for globex');
    expect(await own.authorizationFor('acme')).toBe('Bearer service-portfolios for acme');
    expect(issued).toEqual(['acme', 'globex']);
  });

  test('are given to nobody else', async () => {
    await expect(tokens('guessed').authorizationFor('acme')).rejects.toMatchObject({
      code: 'token_unavailable',
      fault: 'unavailable',
    });
    expect(issued).toEqual([]);
  });

  test('can be had again after an outage of who issues them', async () => {
    const own = tokens();
    isOut = true;
    await expect(own.authorizationFor('acme')).rejects.toMatchObject({ code: 'token_unavailable', fault: 'unavailable' });
    isOut = false;
    expect(await own.authorizationFor('acme')).toBe('Bearer service-portfolios for acme');
  });
});
