export { localEnvironment, type LocalEnvironmentOptions } from './environment.ts';
export { startIdentityProvider, type IdentityProvider } from './identity-provider.ts';
