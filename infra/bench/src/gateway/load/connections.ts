import type { Channel } from './channel.ts';

/** Connections that do the same, each for one request at a time, `most` of them at once; what finds none free waits in order. */
export class Connections {
  /** Those that are open or being opened. */
  count = 0;
  readonly #most: number;
  readonly #open: () => Promise<Channel>;
  readonly #free: Channel[] = [];
  readonly #waiting: ((channel: Channel) => void)[] = [];

  constructor(most: number, open: () => Promise<Channel>) {
    this.#most = most;
    this.#open = open;
  }

  /** Opens one ahead of need. */
  async add(): Promise<void> {
    this.count += 1;
    this.giveBack(await this.#open());
  }

  /** Calls `use` with a connection, at once where one is free; `refused` when a new one cannot be opened. */
  take(use: (channel: Channel) => void, refused: (error: unknown) => void): void {
    const channel = this.#takeFree();
    if (channel !== undefined) return use(channel);
    if (this.count >= this.#most) return void this.#waiting.push(use);
    this.count += 1;
    this.#open().then(use, (error: unknown) => {
      this.count -= 1;
      refused(error);
    });
  }

  /** Also for one that has broken, in whose place another may be opened. */
  giveBack(channel: Channel): void {
    const next = this.#waiting.shift();
    if (!channel.open) {
      this.count -= 1;
      if (next !== undefined) this.take(next, () => this.#waiting.unshift(next));
    } else if (next === undefined) this.#free.push(channel);
    else next(channel);
  }

  #takeFree(): Channel | undefined {
    for (;;) {
      const channel = this.#free.pop();
      if (channel === undefined || channel.open) return channel;
      this.count -= 1;
    }
  }
}
