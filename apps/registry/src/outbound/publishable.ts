import { directoryRowSchema, fromHeaders, messageByType, toHeaders } from '@ultracore/contracts';
import type { PlannedAppend } from '@ultracore/event-sourcing';
import type { TenantEvent } from '../tenant/events.ts';
import type { TenantState } from '../tenant/state.ts';
import { toDirectoryRow } from './directory.ts';
import { translate } from './translate.ts';

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const explain = (what: string, issues: readonly Issue[]): string =>
  `${what}: ${issues.map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`).join('; ')}`;

/**
 * Why the relay could not publish these events or the directory row they lead to, naming the fields but no value; undefined when it can.
 * The relay takes events in order, so one that the contract refuses would, once stored, stop it for every tenant and for good. Pure.
 */
export function publishingFault({ streamName, events, state }: PlannedAppend<TenantState, TenantEvent>): string | undefined {
  for (const { event, ...place } of events) {
    const { envelope, body } = translate({ streamName, ...place }, event);
    const parsed = messageByType(envelope.type)?.schema.safeParse(body);
    if (!parsed) return `there is no message ${envelope.type}`;
    if (!parsed.success) return explain(envelope.type, parsed.error.issues);
    try {
      fromHeaders(toHeaders(envelope));
    } catch (error) {
      return `${envelope.type}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  if (state.status === 'none') return undefined;
  const row = directoryRowSchema.safeParse(toDirectoryRow(state));
  return row.success ? undefined : explain('TenantDirectoryRecord', row.error.issues);
}
