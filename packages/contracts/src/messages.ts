import type { z } from 'zod';
import * as config from './messages/config.ts';
import * as directory from './messages/directory.ts';
import type { MessageDefinition } from './messages/define.ts';
import * as lifecycle from './messages/lifecycle.ts';
import * as requests from './messages/requests.ts';
import * as resources from './messages/resources.ts';
import * as security from './messages/security.ts';
import { FACT_APPS, TOPICS } from './topics.ts';

/** Every message of the platform. */
export const MESSAGES = [
  lifecycle.tenantCreated,
  lifecycle.tenantProvisioningStarted,
  lifecycle.tenantDatabaseCreated,
  lifecycle.tenantSchemaCreated,
  lifecycle.tenantMigrationsCompleted,
  lifecycle.tenantMigrationsFailed,
  lifecycle.tenantProvisioningFailed,
  lifecycle.tenantProvisioningRetryRequested,
  lifecycle.tenantActivated,
  lifecycle.tenantSuspended,
  lifecycle.tenantReactivated,
  lifecycle.tenantTerminated,
  lifecycle.tenantLegalHoldPlaced,
  lifecycle.tenantLegalHoldReleased,
  lifecycle.tenantPurgeRequested,
  lifecycle.tenantDataPurged,
  lifecycle.tenantPurgeFailed,
  lifecycle.tenantMigrationRequested,
  lifecycle.tenantMigrationCancelled,
  lifecycle.tenantSchemaDriftDetected,
  lifecycle.tenantSchemaDriftResolved,
  config.tenantConfigUpdated,
  config.tenantConnectionPoolResized,
  config.tenantReadReplicaRequested,
  config.tenantReadReplicaVerified,
  config.tenantReadReplicaRejected,
  config.tenantReadReplicaAdded,
  config.tenantReadReplicaRemoved,
  resources.tenantResourceUsageRecorded,
  resources.tenantResourceLimitExceeded,
  resources.tenantScaledUp,
  resources.tenantScaledDown,
  resources.tenantScalingRecommended,
  resources.tenantResourceForecast,
  resources.tenantResourceAnomalyDetected,
  security.tenantCredentialsIssued,
  security.tenantPasswordRotated,
  security.tenantCredentialsResealed,
  security.tenantPasswordRotationRequested,
  security.tenantPasswordRotationFailed,
  security.tenantAccessGranted,
  security.tenantAccessRevoked,
  security.tenantIsolationVerified,
  requests.tenantCommandRequested,
  requests.tenantCommandRejected,
  directory.tenantDirectoryRecord,
  directory.directoryBeat,
] as const satisfies readonly MessageDefinition[];

export type Message = (typeof MESSAGES)[number];
export type MessageType = Message['type'];
type Definition<Type extends MessageType> = Extract<Message, { type: Type }>;

/** The body of a message, by its name: `MessageOf<'TenantCreatedEvent'>`. */
export type MessageOf<Type extends MessageType> = z.infer<Definition<Type>['schema']>;

const byType: ReadonlyMap<string, MessageDefinition> = new Map(MESSAGES.map((message) => [message.type, message]));

/** The definition of a message. A name that is not known at compile time may have none. */
export function messageByType<Type extends MessageType>(type: Type): Definition<Type>;
export function messageByType(type: string): MessageDefinition | undefined;
export function messageByType(type: string): MessageDefinition | undefined {
  return byType.get(type);
}

/** Every topic a message travels on: a fact first on its owner's facts topic, then on its public one. */
export const topicsOf = (message: MessageDefinition): readonly string[] => {
  const app = FACT_APPS.find((candidate) => candidate === message.owner);
  return message.kind === 'fact' && app !== undefined ? [TOPICS.facts(app), message.topic] : [message.topic];
};

/** The messages that travel on a topic. */
export const messagesOn = (topic: string): readonly Message[] => MESSAGES.filter((message) => topicsOf(message).includes(topic));
