import { checkLeaksAtEndOfFile } from './leaks.ts';

export { freshDatabase, type FreshDatabase, uniqueName } from './database.ts';
export { TestkitError, type TestkitErrorCode } from './errors.ts';
export { freePort } from './free-port.ts';
export { type PrivatePostgres, startPrivatePostgres } from './private-postgres.ts';
export { type SpawnedProcess, type SpawnOptions, spawnProcess } from './process.ts';
export { type KafkaLogin, readTestStack, STACK_VARIABLE, testStack, type TestStack } from './stack.ts';
export { waitFor, type WaitOptions } from './wait-for.ts';

checkLeaksAtEndOfFile();
