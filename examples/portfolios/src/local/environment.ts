import type { Stack } from '@ultracore/local';
import type { IdentityProvider } from './identity-provider.ts';

export interface LocalEnvironmentOptions {
  readonly stack: Stack;
  readonly identity: IdentityProvider;
  readonly gatewayUrl: string;
  readonly jwt: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string };
  readonly port: number;
}

/** The variables with which the service runs against a local stack: as any other product, with the login `producer`. */
export const localEnvironment = ({ stack, identity, gatewayUrl, jwt, port }: LocalEnvironmentOptions) => {
  const login = stack.kafka_principals?.['producer'];
  return {
    HTTP_PORT: String(port),
    KAFKA_BROKERS: stack.kafka_brokers?.join(',') ?? '',
    KAFKA_USERNAME: login?.username ?? '',
    KAFKA_PASSWORD: login?.password ?? '',
    SCHEMA_REGISTRY_URL: stack.schema_registry_url ?? '',
    JWT_ISSUER: jwt.issuer,
    JWT_AUDIENCE: jwt.audience,
    JWKS_URL: jwt.jwksUrl,
    GATEWAY_URL: gatewayUrl,
    TOKEN_URL: identity.tokenUrl,
    CLIENT_ID: identity.clientId,
    CLIENT_SECRET: identity.clientSecret,
  };
};
