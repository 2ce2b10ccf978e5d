import { eventId } from '@ultracore/event-sourcing';
import { v5 } from 'uuid';

/** Whom a rollout asks, and in which attempt. */
export interface Ask {
  readonly tenantId: string;
  readonly attempt: number;
}

/** Namespace of the ids of what rollouts ask. Never changed: what was asked already is recognised by it. */
const ROLLOUTS = '52b7c0de-7d0b-5b6a-9e27-6f5b3f1f8a11';

/** The id by which a tenant is asked in an attempt of a rollout: asked again after a crash, it is the same. */
export const askIdOf = (rolloutId: string, { tenantId, attempt }: Ask): string =>
  v5(JSON.stringify([rolloutId, tenantId, attempt]), ROLLOUTS);

/** The id by which what was asked in an attempt is given up. */
export const giveUpIdOf = (rolloutId: string, ask: Ask): string => v5('give up', askIdOf(rolloutId, ask));

/** The id of the migration that is asked for thereby: what anybody else asks in the name of a rollout has another. */
export const migrationIdOf = (rolloutId: string, ask: Ask): string => eventId(askIdOf(rolloutId, ask), 0);
