/** Shorter bodies are not counted, nor looked at: most are, and the callers' connections bound how many there are. */
const FREE_BYTES = 8 * 1024;
/** Of one value beside its text: an empty object takes more, a number in a list less. */
const VALUE_BYTES = 32;

/**
 * About what a body of `bytes` holds of memory while its request waits and runs, once it is parsed: a list of small values takes many times its
 * length. 0 for a short one.
 */
export function bytesHeldBy(body: unknown, bytes: number): number {
  return bytes <= FREE_BYTES ? 0 : bytes + VALUE_BYTES * countValues(body);
}

/** Takes no stack, however deep the body. */
function countValues(body: unknown): number {
  const open: object[] = [];
  let count = 0;
  const meet = (value: unknown): void => {
    count += 1;
    if (typeof value === 'object' && value !== null) open.push(value);
  };
  meet(body);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) for (const element of value) meet(element);
    else for (const member of Object.values(value)) meet(member);
  }
  return count;
}
