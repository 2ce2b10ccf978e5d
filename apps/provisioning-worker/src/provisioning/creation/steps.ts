import type { Tier } from '../situation.ts';

/**
 * The steps of a creation, in order. Each is closed once its effect is there and its fact, if it has one, is acknowledged.
 * `home` makes the login roles (still without LOGIN) and the database or schema; `open` sets limits, verifiers and LOGIN.
 */
export const STEPS = ['started', 'credentials', 'home', 'migrate', 'open', 'smoke', 'completed'] as const;
export type StepName = (typeof STEPS)[number];

/** The steps of leaving a creation, in order. The two reports exist only where a failure was recorded. */
export const UNDO_STEPS = ['migrations_failed', 'undo', 'failed'] as const;
export type UndoStepName = (typeof UNDO_STEPS)[number];

export type FactType =
  | 'TenantProvisioningStartedEvent'
  | 'TenantCredentialsIssuedEvent'
  | 'TenantDatabaseCreatedEvent'
  | 'TenantSchemaCreatedEvent'
  | 'TenantMigrationsCompletedEvent'
  | 'TenantMigrationsFailedEvent'
  | 'TenantProvisioningFailedEvent';

/** The fact that a step tells, or undefined for a step that only the worker knows of. */
export const factOf = (step: StepName | UndoStepName, tier: Tier): FactType | undefined => {
  switch (step) {
    case 'started':
      return 'TenantProvisioningStartedEvent';
    case 'credentials':
      return 'TenantCredentialsIssuedEvent';
    case 'home':
      return HOME_FACT[tier];
    case 'completed':
      return 'TenantMigrationsCompletedEvent';
    case 'migrations_failed':
      return 'TenantMigrationsFailedEvent';
    case 'failed':
      return 'TenantProvisioningFailedEvent';
    case 'migrate':
    case 'open':
    case 'smoke':
    case 'undo':
      return undefined;
    default:
      return step satisfies never;
  }
};

const HOME_FACT: Readonly<Record<Tier, FactType | undefined>> = {
  enterprise: 'TenantDatabaseCreatedEvent',
  standard: 'TenantSchemaCreatedEvent',
  small: undefined,
};

export const isCreationStep = (step: string): step is StepName => STEPS.some((each) => each === step);
