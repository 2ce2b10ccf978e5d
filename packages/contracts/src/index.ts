export { ContractError, CONTRACT_ERROR_CODES } from './errors.ts';
export type { ContractErrorCode } from './errors.ts';
export { TENANT_ID_PATTERN, RESERVED_TENANT_IDS, checkTenantId, tenantIdSchema } from './tenant-id.ts';
export type { TenantIdCheck, TenantIdFault } from './tenant-id.ts';
export {
  CONFIG_KEYS,
  GRANT_ROLES,
  RESOURCE_TYPES,
  TENANT_STATUSES,
  TIERS,
  TIER_DEFAULTS,
  configKeySchema,
  grantRoleSchema,
  resourceTypeSchema,
  settingFields,
  tenantSettingsSchema,
  tenantStatusSchema,
  tierSchema,
} from './tenant.ts';
export type { ConfigKey, GrantRole, ResourceType, TenantSettings, TenantStatus, Tier } from './tenant.ts';
export { FACT_APPS, OWNERS, PARTITIONS, TOPICS, TOPIC_SPECS, dlqOf, subjectOf } from './topics.ts';
export type { FactApp, Owner, TopicSpec } from './topics.ts';
export { HEADERS, fromHeaders, toHeaders } from './envelope.ts';
export type { Envelope, HeaderValue } from './envelope.ts';
export { REQUEST_OUTCOMES, beatKey, directoryBeatSchema, directoryRowSchema, isBeatKey } from './directory.ts';
export type {
  DirectoryBeat,
  DirectoryCredential,
  DirectoryRow,
  ProvisionState,
  RequestOutcome,
  RequestState,
} from './directory.ts';
export {
  REASON_MAX_LENGTH,
  actor as actorSchema,
  email as emailSchema,
  host as hostSchema,
  port as portSchema,
  reason as reasonSchema,
  tenantName as tenantNameSchema,
  time as timeSchema,
  toReason,
  uuid as uuidSchema,
} from './fields.ts';
export { MESSAGE_KINDS } from './messages/define.ts';
export type { MessageDefinition, MessageKind } from './messages/define.ts';
export { configValueSchema } from './messages/config.ts';
export { requestedCommandSchema } from './messages/requests.ts';
export type { RequestedCommand } from './messages/requests.ts';
export { ISOLATION_VERDICTS } from './messages/security.ts';
export { MESSAGES, messageByType, messagesOn, topicsOf } from './messages.ts';
export type { Message, MessageOf, MessageType } from './messages.ts';
export { jsonSchemaOf, subjects } from './json-schema.ts';
export type { JsonSchema, Subject } from './json-schema.ts';
