import type { JsonSchema } from './json-schema.ts';

// Topics are kept for ever, so a schema must accept everything that its predecessor accepted, and must go on promising what
// readers rely on. Optional properties, wider bounds and further enum values may be added.

type Bound =
  | 'minimum'
  | 'exclusiveMinimum'
  | 'minLength'
  | 'minItems'
  | 'maximum'
  | 'exclusiveMaximum'
  | 'maxLength'
  | 'maxItems';
const LOWER: readonly Bound[] = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const UPPER: readonly Bound[] = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
const OPAQUE = ['pattern', 'format', 'multipleOf'] as const;

const alternativesOf = (schema: JsonSchema): readonly JsonSchema[] => {
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice !== undefined) return choice.flatMap(alternativesOf);
  if (typeof schema.type === 'object') return schema.type.map((type) => ({ ...schema, type }));
  return [schema];
};

const valuesOf = (schema: JsonSchema): readonly unknown[] | undefined => ('const' in schema ? [schema.const] : schema.enum);

const acceptsType = (before: JsonSchema, now: JsonSchema): boolean =>
  now.type === undefined || now.type === before.type || (now.type === 'number' && before.type === 'integer');

const valueFaults = (before: JsonSchema, now: JsonSchema): string[] => {
  const allowed = valuesOf(now);
  if (allowed === undefined) return [];
  const known = valuesOf(before);
  if (known === undefined) return [`now takes only ${JSON.stringify(allowed)}`];
  return known.filter((value) => !allowed.includes(value)).map((value) => `no longer takes the value ${JSON.stringify(value)}`);
};

const boundFaults = (before: JsonSchema, now: JsonSchema): string[] => {
  const narrower = (bound: Bound, isNarrower: (from: number, to: number) => boolean, unbounded: number): boolean => {
    const to = now[bound];
    return to !== undefined && isNarrower(before[bound] ?? unbounded, to);
  };
  return [
    ...LOWER.filter((bound) => narrower(bound, (from, to) => to > from, -Infinity)),
    ...UPPER.filter((bound) => narrower(bound, (from, to) => to < from, Infinity)),
  ].map((bound) => `has a narrower ${bound}: ${before[bound] ?? 'none'} became ${now[bound]}`);
};

/** Whether one pattern accepts all of another cannot be decided by reading them, so a different one counts as narrower. */
const opaqueFaults = (before: JsonSchema, now: JsonSchema): string[] =>
  OPAQUE.filter((keyword) => now[keyword] !== undefined && now[keyword] !== before[keyword]).map(
    (keyword) => `has another ${keyword}, which may refuse what was accepted`,
  );

interface Fault {
  /** The property, dotted; empty for the message itself. */
  readonly path: string;
  readonly text: string;
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

const objectFaults = (path: string, before: JsonSchema, now: JsonSchema): Fault[] => {
  const faults: Fault[] = [];
  const wasRequired = new Set(before.required);
  const isRequired = new Set(now.required);
  for (const [name, schema] of Object.entries(before.properties ?? {})) {
    const counterpart = now.properties?.[name];
    const at = join(path, name);
    if (counterpart === undefined) {
      faults.push({ path: at, text: 'was removed or renamed' });
      continue;
    }
    faults.push(...schemaFaults(at, schema, counterpart));
    if (wasRequired.has(name) && !isRequired.has(name)) faults.push({ path: at, text: 'was always there and is now optional' });
  }
  for (const name of isRequired) {
    if (!wasRequired.has(name)) faults.push({ path: join(path, name), text: 'is newly required' });
  }
  return [...faults, ...additionalFaults(path, before, now)];
};

const additionalFaults = (path: string, before: JsonSchema, now: JsonSchema): Fault[] => {
  const was = before.additionalProperties ?? true;
  const is = now.additionalProperties ?? true;
  if (was === false || is === true) return [];
  if (is === false) return [{ path, text: 'no longer takes further properties' }];
  const values = was === true ? {} : was;
  return [
    ...schemaFaults(join(path, '*'), values, is),
    ...(now.propertyNames === undefined
      ? []
      : schemaFaults(join(path, '(names)'), before.propertyNames ?? {}, now.propertyNames)),
  ];
};

const alternativeFaults = (path: string, before: JsonSchema, now: JsonSchema): Fault[] => {
  if (!acceptsType(before, now)) {
    return [{ path, text: `no longer takes the type ${String(before.type ?? 'any')}, only ${String(now.type)}` }];
  }
  const own = [...valueFaults(before, now), ...boundFaults(before, now), ...opaqueFaults(before, now)].map((text) => ({
    path,
    text,
  }));
  const inner = before.type === 'object' || now.type === 'object' ? objectFaults(path, before, now) : [];
  const items = now.items === undefined ? [] : schemaFaults(`${path}[]`, before.items ?? {}, now.items);
  return [...own, ...inner, ...items];
};

/** Each alternative of old must be taken whole by one alternative of today; the closest one tells what is missing. */
const schemaFaults = (path: string, before: JsonSchema, now: JsonSchema): Fault[] => {
  const candidates = alternativesOf(now);
  return alternativesOf(before).flatMap((alternative) => {
    const attempts = candidates.map((candidate) => ({
      kin: acceptsType(alternative, candidate) ? 0 : 1,
      faults: alternativeFaults(path, alternative, candidate),
    }));
    attempts.sort((a, b) => a.kin - b.kin || a.faults.length - b.faults.length);
    return attempts[0]?.faults ?? [];
  });
};

/**
 * What a changed schema would break for existing readers, producers and stored records, one sentence each that names the
 * message and the property. Empty: the change is compatible.
 */
export const incompatibilities = (message: string, before: JsonSchema, now: JsonSchema): readonly string[] =>
  schemaFaults('', before, now).map(({ path, text }) =>
    path === '' ? `${message} ${text}.` : `${message}: the property "${path}" ${text}.`,
  );

/** The same over whole sets of schemas by subject. A subject that is gone is a break; one that is added is not. */
export const catalogIncompatibilities = (
  before: Readonly<Record<string, JsonSchema>>,
  now: Readonly<Record<string, JsonSchema>>,
): readonly string[] =>
  Object.entries(before).flatMap(([subject, schema]) => {
    const counterpart = now[subject];
    return counterpart === undefined ? [`${subject}: the message was removed.`] : incompatibilities(subject, schema, counterpart);
  });
