import { isKafkaError, type OutRecord } from '@ultracore/kafka';

/** Where facts are told. `send` resolves once Kafka has acknowledged every record; a publisher fits. */
export interface FactSink {
  send(records: readonly OutRecord[]): Promise<void>;
}

/** A fact was not acknowledged. */
export class FactNotToldError extends Error {
  override readonly name = 'FactNotToldError';
  /** Kafka would take it another time; otherwise the fact itself is at fault. */
  readonly passing: boolean;

  constructor(cause: unknown) {
    super(`A fact was not acknowledged: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.passing = !isKafkaError(cause, 'invalid_body', 'unknown_message', 'envelope_mismatch', 'too_large');
  }
}

/** Resolves once the fact is acknowledged. Throws `FactNotToldError`. */
export async function tellFact(sink: FactSink, record: OutRecord): Promise<void> {
  try {
    await sink.send([record]);
  } catch (error) {
    throw new FactNotToldError(error);
  }
}
