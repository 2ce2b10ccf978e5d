import { allEnded } from './all-ended.ts';

/** A Postgres server as the loop sees it. */
export interface LoopServer {
  readonly name: string;
  readonly state: string;
  checkDue(): boolean;
  check(): Promise<void>;
}

export interface WorkLoopOptions<Server extends LoopServer, Item> {
  readonly servers: readonly Server[];
  /** Tenants worked on at once, for each server. */
  readonly concurrency: number;
  /** Looks for work at least this often, for what another worker was told of. */
  readonly pollMs: number;
  /** Leases up to `limit` due items of a server. */
  lease(server: Server, limit: number): Promise<readonly Item[]>;
  /** Works on one item as far as it goes. */
  perform(server: Server, item: Item): Promise<void>;
  /** Runs once a round, before work is leased. */
  beforeRound?(): Promise<void>;
  readonly logger: { error(details: object, message: string): void };
}

export interface WorkLoop {
  start(): void;
  /** Leases nothing more and returns when everything in hand is finished. */
  stop(): Promise<void>;
  /** Looks for work now instead of at the next poll. */
  wake(): void;
  /** When the last round ended, by `performance.now()`: an old one means that the loop hangs. */
  lastRoundAt(): number;
}

/**
 * Takes work from the table and does it, each server with slots of its own, so that one which is slow, dead or unfit holds up
 * only its own tenants. Rounds never overlap; a wake during a round leads to another.
 */
export function createWorkLoop<Server extends LoopServer, Item>(options: WorkLoopOptions<Server, Item>): WorkLoop {
  const { servers, concurrency, logger } = options;
  const inHand = new Map<Server, Set<Promise<void>>>(servers.map((server) => [server, new Set()]));
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let poll: NodeJS.Timeout | undefined;
  let woken = Promise.withResolvers<void>();
  let roundAt = performance.now();
  let failing = false;

  function wake(): void {
    woken.resolve();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = Promise.withResolvers();
      await attempt();
      roundAt = performance.now();
      await woken.promise;
    }
  }

  /** A bookkeeping that is away is told of once, not at every poll. */
  async function attempt(): Promise<void> {
    try {
      await round();
      failing = false;
    } catch (error) {
      if (!failing) logger.error({ err: error }, 'no work can be taken now; trying again');
      failing = true;
    }
  }

  async function round(): Promise<void> {
    await options.beforeRound?.();
    await allEnded(servers.map(fill));
  }

  async function fill(server: Server): Promise<void> {
    if (server.checkDue()) void server.check().then(wake);
    const slots = inHand.get(server);
    const free = concurrency - (slots?.size ?? concurrency);
    if (server.state !== 'fit' || slots === undefined || free <= 0) return;
    for (const item of await options.lease(server, free)) {
      const work = options.perform(server, item).finally(() => {
        slots.delete(work);
        wake();
      });
      slots.add(work);
    }
  }

  return {
    start() {
      poll ??= setInterval(wake, options.pollMs);
      running ??= run();
    },
    async stop() {
      stopping.abort();
      clearInterval(poll);
      wake();
      await running;
      await Promise.all([...inHand.values()].flatMap((slots) => [...slots]));
    },
    wake,
    lastRoundAt: () => roundAt,
  };
}
