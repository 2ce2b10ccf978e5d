export const KAFKA_ERROR_CODES = [
  /** The subject's latest schema is not the one this program was compiled with. */
  'schema_mismatch',
  /** The registry has no such subject. */
  'schema_missing',
  /** The registry refuses a schema that is incompatible with its predecessor. */
  'schema_incompatible',
  'registry_unreachable',
  /** A type that the codec was not made for, on this topic. */
  'unknown_message',
  'invalid_body',
  /** Not magic byte, schema id, JSON. */
  'not_wire_format',
  /** A schema id that none of the topic's known messages has. */
  'unknown_schema',
  'bad_envelope',
  /** Envelope, key and body do not speak of the same message. */
  'envelope_mismatch',
  'too_large',
  /** Another producer with our transactional id has taken over. */
  'fenced',
  /** The broker knows us, and denies it. */
  'refused',
  'unauthenticated',
  'unavailable',
  /** Stopped by its own handler or by its owner. */
  'stopped',
  'topic_differs',
] as const;
export type KafkaErrorCode = (typeof KAFKA_ERROR_CODES)[number];

/** The one error of this package. Switch on `code`, not on the text. */
export class KafkaError extends Error {
  readonly code: KafkaErrorCode;

  constructor(code: KafkaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KafkaError';
    this.code = code;
  }
}

export const isKafkaError = (error: unknown, ...codes: readonly KafkaErrorCode[]): error is KafkaError =>
  error instanceof KafkaError && (codes.length === 0 || codes.includes(error.code));

const FENCED = [
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'TRANSACTION_COORDINATOR_FENCED',
];
const REFUSED = /AUTHORIZATION_FAILED$/;
const UNAUTHENTICATED = [
  'KafkaJSSASLAuthenticationError',
  'SASL_AUTHENTICATION_FAILED',
  'ILLEGAL_SASL_STATE',
  'UNSUPPORTED_SASL_MECHANISM',
];

const MOST_CAUSES = 8;

/** An error of kafkajs and what it wraps, outermost first. */
const chainOf = (error: unknown): readonly Error[] => {
  const chain: Error[] = [];
  let current = error;
  while (current instanceof Error && chain.length < MOST_CAUSES) {
    chain.push(current);
    current = current.cause;
  }
  return chain;
};

const typeOf = (error: Error): string | undefined => ('type' in error && typeof error.type === 'string' ? error.type : undefined);

const namesOf = (chain: readonly Error[]): readonly string[] =>
  chain.flatMap((error) => [error.name, typeOf(error) ?? error.name]);

const codeOf = (names: readonly string[]): KafkaErrorCode => {
  if (names.some((name) => FENCED.includes(name))) return 'fenced';
  if (names.some((name) => REFUSED.test(name))) return 'refused';
  if (names.some((name) => UNAUTHENTICATED.includes(name))) return 'unauthenticated';
  if (names.some((name) => name === 'MESSAGE_TOO_LARGE' || name === 'RECORD_LIST_TOO_LARGE')) return 'too_large';
  return 'unavailable';
};

/** Any error of kafkajs as ours; `what` begins the sentence, e.g. `publishing failed`, and the broker's own words end it. */
export const fromKafkaJs = (what: string, error: unknown): KafkaError => {
  if (error instanceof KafkaError) return error;
  const chain = chainOf(error);
  const detail = chain.findLast((cause) => typeOf(cause) !== undefined) ?? chain[0];
  return new KafkaError(codeOf(namesOf(chain)), `${what}: ${detail?.message ?? String(error)}`, { cause: error });
};
