import catalog from './catalog-types.json' with { type: 'json' };

/**
 * How a value's text becomes JSON. `text`: a string, whatever it holds. `plain`: a string that never needs escapes. `number`: as it is. `float`: as it is,
 * unless NaN or infinite. `json`: as it is.
 */
export const Form = { text: 0, plain: 1, number: 2, float: 3, bool: 4, json: 5, bytea: 6, timestamp: 7, array: 8 } as const;
export type Form = (typeof Form)[keyof typeof Form];

export interface TypeForm {
  /** `int8`, `int8[]`; `user_defined` for a type that is not one of Postgres's own. */
  readonly name: string;
  readonly form: Form;
  /** Of the elements, when the form is `array`. */
  readonly element: Form;
  /** Between elements; all types but box have a comma. */
  readonly delimiter: number;
}

const FORMS: Readonly<Record<string, Form>> = {
  int2: Form.number,
  int4: Form.number,
  oid: Form.number,
  float4: Form.float,
  float8: Form.float,
  bool: Form.bool,
  json: Form.json,
  jsonb: Form.json,
  bytea: Form.bytea,
  timestamp: Form.timestamp,
  timestamptz: Form.timestamp,
  int8: Form.plain,
  numeric: Form.plain,
  uuid: Form.plain,
  date: Form.plain,
  time: Form.plain,
  timetz: Form.plain,
  interval: Form.plain,
};

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const USER_DEFINED: TypeForm = { name: 'user_defined', form: Form.text, element: Form.text, delimiter: COMMA };

const TYPES = new Map<number, TypeForm>();
for (const { oid, name, array } of catalog) {
  const form = FORMS[name] ?? Form.text;
  const delimiter = name === 'box' ? SEMICOLON : COMMA;
  TYPES.set(oid, { name, form, element: form, delimiter });
  if (array !== 0) TYPES.set(array, { name: `${name}[]`, form: Form.array, element: form, delimiter });
}

/** Domains do not occur: Postgres tells a column's base type. */
export function typeFormOf(oid: number): TypeForm {
  return TYPES.get(oid) ?? USER_DEFINED;
}
