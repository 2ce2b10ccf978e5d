import { ack, deadLetter, type Fate, type HandlerContext, type InMessage } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import { getTenant, withTenantContext } from '@ultracore/tenant-context';
import type { TenantDatabase } from '../database/tenant-database.ts';
import { fateOf } from './fate.ts';
import { modelPortfolio, PORTFOLIO_MADE } from './model-portfolio.ts';

export interface ActivationOptions {
  /** For the service itself: there is no caller. */
  readonly database: TenantDatabase;
  readonly logger: Logger;
}

/** Gives each tenant that becomes active its model portfolio. At least once, which is as good as once. */
export const createActivationHandler = ({ database, logger }: ActivationOptions) =>
  withTenantContext(
    async (message: InMessage, { attempt }: HandlerContext): Promise<Fate> => {
      if (message.type !== 'TenantActivatedEvent') return ack();
      try {
        const results = await database.transaction(modelPortfolio);
        const isNew = (results[PORTFOLIO_MADE]?.length ?? 0) > 0;
        logger.info({ tenant_id: getTenant(), is_new: isNew }, 'a tenant has its model portfolio');
        return ack();
      } catch (error) {
        const fate = fateOf(error, { attempt, ageMs: Date.now() - Date.parse(message.envelope.time) });
        logger.warn({ tenant_id: getTenant(), attempt, fate: fate.kind, err: error }, 'a tenant did not get its model portfolio');
        return fate;
      }
    },
    { onRefused: async (error) => deadLetter(error.message) },
  );
