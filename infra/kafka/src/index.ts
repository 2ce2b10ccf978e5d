export { ACCESS, grantsOf, isPrincipal } from './access.ts';
export type { Access, Grant, Principal } from './access.ts';
export { ensureAcls, ownNames, usersOf } from './acls.ts';
export type { Users } from './acls.ts';
export { registerSchemas } from './schemas.ts';
export { setupKafka } from './setup.ts';
export type { SetupOptions, SetupResult } from './setup.ts';
export { ensureTopics } from './topics.ts';
export type { TopicOptions } from './topics.ts';
