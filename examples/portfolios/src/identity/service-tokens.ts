import { z } from 'zod';
import { DatabaseError } from '../database/database-error.ts';

export interface ServiceTokens {
  /** The `authorization` header of this service acting for one tenant. Rejects with a `DatabaseError` `token_unavailable`. */
  authorizationFor(tenantId: string): Promise<string>;
}

export interface ServiceTokensOptions {
  /** Token endpoint of the identity provider. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const answerSchema = z.object({ access_token: z.string(), expires_in: z.number() });

/** A token is asked for anew when it would end within this time. */
const MARGIN_MS = 30_000;
const TIMEOUT_MS = 5_000;

/**
 * The service's own tokens, one a tenant, by the client credentials grant (RFC 6749, section 4.4) with the tenant as a further parameter: what
 * a token of one tenant gets into the wrong hands for, it is of no use for another.
 */
export const createServiceTokens = ({ url, clientId, clientSecret }: ServiceTokensOptions): ServiceTokens => {
  const kept = new Map<string, { readonly authorization: string; readonly usableUntilMs: number }>();

  const ask = async (tenantId: string): Promise<z.infer<typeof answerSchema>> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', tenant_id: tenantId }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`);
    return answerSchema.parse(await response.json());
  };

  return {
    async authorizationFor(tenantId) {
      const known = kept.get(tenantId);
      if (known !== undefined && Date.now() < known.usableUntilMs) return known.authorization;
      const answer = await ask(tenantId).catch((cause: unknown) => {
        throw new DatabaseError('token_unavailable', 'No token can be had at the moment.', {
          fault: 'unavailable',
          status: 503,
          cause,
        });
      });
      const authorization = `Bearer ${answer.access_token}`;
      kept.set(tenantId, { authorization, usableUntilMs: Date.now() + answer.expires_in * 1000 - MARGIN_MS });
      return authorization;
    },
  };
};
