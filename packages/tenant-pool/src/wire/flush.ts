/** What collects bytes during a turn of the event loop. */
export interface Corked {
  flush(): void;
}

let corked: Corked[] = [];

/** Has everything that was written in this turn of the event loop, by whomever, sent in one go when the turn's input has been read. */
export function flushSoon(target: Corked): void {
  if (corked.push(target) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const targets = corked;
  corked = [];
  for (const target of targets) target.flush();
}
