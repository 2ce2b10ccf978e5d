import type { DirectoryRow } from '@ultracore/contracts';
import type { Home } from '@ultracore/tenant-database';
import type { BoundaryName } from '../../provisioning/boundaries.ts';
import type { LeasedItem, Work } from '../../store/work.ts';
import type { PostgresServer } from '../server.ts';
import type { Sessions } from '../sessions.ts';

/** What a step's effect may use. */
export interface EffectContext {
  readonly item: LeasedItem;
  readonly work: Work;
  readonly row: DirectoryRow;
  readonly home: Home;
  readonly server: PostgresServer;
  readonly sessions: Sessions;
  readonly onBoundary: (name: BoundaryName) => void;
}

/** What a step leaves behind. */
interface Effected {
  /** Kept with the closed step. */
  readonly outcome: object;
  /** The item read again, where the step changed what is known of it. */
  readonly work?: Work;
}

/** Brings about one step. Looks before it acts, so that it can be repeated after a crash at any point of it. */
export type Effect = (context: EffectContext) => Promise<Effected>;
