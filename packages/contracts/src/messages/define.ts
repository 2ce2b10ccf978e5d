import { z } from 'zod';
import { tenantIdSchema } from '../tenant-id.ts';
import { uuid } from '../fields.ts';
import type { Owner } from '../topics.ts';

/**
 * - `state`: decided by the registry, stored in a stream, published by its relay.
 * - `fact`: what another app did; travels first on `TOPICS.facts(owner)`, is recorded in the stream, then published by the relay.
 * - `observation`: measured or computed, straight to its topic, in no stream.
 * - `request`: what a producer asks for.
 * - `directory`: the compacted table of tenants and its beats.
 */
export const MESSAGE_KINDS = ['state', 'fact', 'observation', 'request', 'directory'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

export interface MessageDefinition {
  /** The name on the wire: `ce_type`, and the second part of the subject. */
  readonly type: string;
  /** Where consumers find it. */
  readonly topic: string;
  /** The only app that may say it; see `OWNERS` for the two stand-ins. */
  readonly owner: Owner;
  readonly kind: MessageKind;
  /** The field of the body that says when it happened. */
  readonly timeField: string;
  /** Closed: a property that is not named here is refused. */
  readonly schema: z.ZodObject;
}

/** Keeps the literal types of a definition, so that a body's type can be found by the message's name. */
export const defineMessage = <const Definition extends MessageDefinition>(definition: Definition): Definition => definition;

/** The closed body of an event about a tenant: the common fields and the given ones. */
export const body = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject({ event_id: uuid, tenant_id: tenantIdSchema, ...shape });
