import { defaultStorage } from './default-storage.ts';
import { TenantContextError } from './errors.ts';
import { contextOfEvent, type KafkaEvent } from './kafka-event.ts';
import type { TenantContext, TenantStorage } from './tenant-storage.ts';

/** A message as `@ultracore/kafka` hands it over, the payload of kafkajs's `eachMessage`, or a bare record. */
export type KafkaDelivery = { readonly raw: KafkaEvent } | { readonly message: KafkaEvent } | KafkaEvent;

const eventOf = (delivery: KafkaDelivery): KafkaEvent => {
  if ('raw' in delivery) return delivery.raw;
  return 'message' in delivery ? delivery.message : delivery;
};

export interface WithTenantContextOptions<Delivery, Result> {
  /** Default: the one behind `getTenant`. */
  readonly storage?: TenantStorage;
  /** What becomes of a message that names no tenant, or more than one; the handler never sees it. Default: the error is thrown. */
  readonly onRefused?: (error: TenantContextError, delivery: Delivery) => Result;
}

/**
 * The same handler, run for the tenant of each message and ended with it: neither the next message nor the consumer itself sees a tenant
 * left over. Fits `createConsumer` of `@ultracore/kafka` and `eachMessage` of kafkajs.
 */
export const withTenantContext =
  <Delivery extends KafkaDelivery, Rest extends unknown[], Result>(
    handler: (delivery: Delivery, ...rest: Rest) => Result,
    { storage = defaultStorage, onRefused }: WithTenantContextOptions<Delivery, Result> = {},
  ): ((delivery: Delivery, ...rest: Rest) => Result) =>
  (delivery, ...rest) => {
    let context: TenantContext;
    try {
      context = contextOfEvent(eventOf(delivery));
    } catch (error) {
      if (onRefused === undefined || !(error instanceof TenantContextError)) throw error;
      return storage.runWithoutTenant(() => onRefused(error, delivery));
    }
    return storage.runWithTenant<Result>(context, () => handler(delivery, ...rest));
  };
