export { LauncherError, type LauncherErrorCode } from './errors.ts';
export { issueTokens, jwksOf } from './identity.ts';
export { ROOT } from './options.ts';
export { loadSecrets, type Secrets } from './secrets.ts';
export { type ServiceContext, serviceEnvironment, SERVICES, type ServiceSpec } from './services.ts';
export { setUpKafka, setUpPostgres } from './setup.ts';
export { readStack, type Stack, stackFile } from './stack-file.ts';
export { createTerminal, type Terminal } from './terminal.ts';
