/** What waits, by owner: owners are served round robin, and of each the first comes first. */
export interface RoundRobin<Item> {
  add(owner: string, item: Item): void;
  /** The next; its owner is served again after all others that wait. */
  take(): Item | undefined;
  size(): number;
  sizeOf(owner: string): number;
}

export function createRoundRobin<Item>(): RoundRobin<Item> {
  /** In the order in which they are served: a map keeps the order in which keys were put in. */
  const queues = new Map<string, Item[]>();
  let size = 0;
  return {
    add(owner, item) {
      const queue = queues.get(owner);
      if (queue === undefined) queues.set(owner, [item]);
      else queue.push(item);
      size += 1;
    },
    take() {
      const [first] = queues;
      if (first === undefined) return undefined;
      const [owner, queue] = first;
      const item = queue.shift();
      queues.delete(owner);
      if (queue.length > 0) queues.set(owner, queue);
      size -= 1;
      return item;
    },
    size: () => size,
    sizeOf: (owner) => queues.get(owner)?.length ?? 0,
  };
}
