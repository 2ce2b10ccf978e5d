/** The value, or an error that names what the stack lacks. */
export function required<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`The bench's platform has no ${what}.`);
  return value;
}
