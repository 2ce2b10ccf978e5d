import { FACT_APPS, MESSAGES, TOPICS, TOPIC_SPECS } from '@ultracore/contracts';
import { describe, expect, it } from 'vitest';
import { ACCESS, grantsOf, isPrincipal } from '../src/index.ts';
import type { Access, Principal } from '../src/index.ts';

const principals = Object.keys(ACCESS).filter(isPrincipal);

const writersOf = (topic: string): readonly Principal[] =>
  principals.filter((name) => (ACCESS[name] as Access).writes.includes(topic));

describe('the table of access', () => {
  it('lets each owner write where its messages start, and only the registry where they are published', () => {
    const shut = MESSAGES.filter(
      ({ owner, kind, topic }) => kind !== 'fact' && owner !== 'meter' && !writersOf(topic).includes(owner),
    );
    expect(shut.map(({ type }) => type)).toEqual([]);
    for (const topic of [TOPICS.lifecycle, TOPICS.config, TOPICS.security, TOPICS.directory]) {
      expect(writersOf(topic)).toEqual(['registry']);
    }
  });

  it('lets nobody but its app write facts', () => {
    for (const app of FACT_APPS) expect(writersOf(TOPICS.facts(app))).toEqual([app]);
  });

  it('lets other products neither see credentials nor the directory, and write nothing but requests', () => {
    expect(ACCESS.producer.writes).toEqual([TOPICS.requests]);
    expect(ACCESS.producer.reads).not.toContain(TOPICS.security);
    expect(ACCESS.producer.reads).not.toContain(TOPICS.directory);
  });

  it.each(principals)(
    'of %s names topics that exist, the dead-letter topics of what it reads, and only its own groups',
    (name) => {
      const topics = TOPIC_SPECS.map(({ topic }) => topic);
      const grants = grantsOf(name);
      for (const grant of grants.filter(({ resource }) => resource === 'topic')) expect(topics).toContain(grant.name);
      const written = grants.filter(({ operation }) => operation === 'write').map((grant) => grant.name);
      for (const topic of (ACCESS[name] as Access).reads) expect(written).toContain(`${topic}.dlq`);
      expect(grants.filter(({ resource }) => resource !== 'topic').every((grant) => grant.name === name && grant.isPrefix)).toBe(
        true,
      );
    },
  );

  it('gives no principal a name that begins another’s, since groups are granted by prefix', () => {
    for (const one of principals) expect(principals.filter((other) => other.startsWith(one))).toEqual([one]);
  });
});
