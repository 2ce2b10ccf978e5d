import { describe, expect, it } from 'vitest';
import { fromKafkaJs, isKafkaError } from '../src/errors.ts';

const protocolError = (type: string): Error =>
  Object.assign(new Error(`broker says ${type}`), { name: 'KafkaJSProtocolError', type });
const wrapped = (error: Error): Error => new Error('retries exceeded', { cause: new Error('wrapped', { cause: error }) });

describe('an error of kafkajs', () => {
  it.each([
    ['INVALID_PRODUCER_EPOCH', 'fenced'],
    ['PRODUCER_FENCED', 'fenced'],
    ['TOPIC_AUTHORIZATION_FAILED', 'refused'],
    ['GROUP_AUTHORIZATION_FAILED', 'refused'],
    ['SASL_AUTHENTICATION_FAILED', 'unauthenticated'],
    ['MESSAGE_TOO_LARGE', 'too_large'],
    ['NOT_LEADER_FOR_PARTITION', 'unavailable'],
  ] as const)('%s becomes %s, however deep it is wrapped, in the broker’s words', (type, code) => {
    const error = fromKafkaJs('publishing failed', wrapped(protocolError(type)));
    expect(isKafkaError(error, code)).toBe(true);
    expect(error.message).toBe(`publishing failed: broker says ${type}`);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('that is ours already stays itself, and anything thrown becomes one', () => {
    const ours = fromKafkaJs('a', 'text');
    expect(fromKafkaJs('b', ours)).toBe(ours);
    expect(ours.code).toBe('unavailable');
  });
});
