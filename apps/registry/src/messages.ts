import { FACT_APPS, MESSAGES, messageByType, messagesOn, TOPICS } from '@ultracore/contracts';
import { FACT_TYPES } from './inbound/consume/read-fact.ts';

/** The topics that other apps write their facts to. */
export const factTopics = (): string[] => FACT_APPS.map((app) => TOPICS.facts(app));

/** Every message that the registry writes or reads, and where: for the codec, which checks their schemas at start. */
export function messagesOfRegistry(): { topic: string; type: string }[] {
  const spoken = MESSAGES.filter(({ owner, kind }) => owner === 'registry' && (kind === 'state' || kind === 'directory'));
  const recorded = FACT_TYPES.flatMap((type) => messageByType(type) ?? []);
  return [
    { topic: TOPICS.requests, type: 'TenantCommandRequestedEvent' },
    ...[...spoken, ...recorded].map(({ topic, type }) => ({ topic, type })),
    // Those too that it does not record yet: unknown to the codec they would be passed over without a word, so they go to the dead letters.
    ...factTopics().flatMap((topic) => messagesOn(topic).map(({ type }) => ({ topic, type }))),
  ];
}
