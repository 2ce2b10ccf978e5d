import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SCHEMA_DIRECTORY, committedCatalog, currentCatalog, drift, writeCatalog } from '../scripts/schema-files.ts';
import { catalogIncompatibilities, incompatibilities } from '../src/compatibility.ts';
import type { JsonSchema } from '../src/json-schema.ts';

const jsonSchema = (schema: z.ZodType): JsonSchema => JSON.parse(JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7' })));

const shape = {
  id: z.string().max(10),
  tier: z.enum(['big', 'small']),
  size: z.int().min(1).max(10),
  note: z.string().nullable(),
  place: z.strictObject({ host: z.string(), port: z.int() }),
  tags: z.array(z.strictObject({ key: z.string() })).max(5),
  command: z.discriminatedUnion('name', [
    z.strictObject({ name: z.literal('grow'), by: z.int() }),
    z.strictObject({ name: z.literal('stop'), reason: z.string() }),
  ]),
  counted: z.record(z.string(), z.int().min(0)),
  hint: z.string().optional(),
};
const before = jsonSchema(z.strictObject(shape));
const after = (change: z.ZodRawShape): readonly string[] =>
  incompatibilities('Thing', before, jsonSchema(z.strictObject({ ...shape, ...change })));
const without = (name: keyof typeof shape): readonly string[] => {
  const { [name]: _gone, ...rest } = shape;
  return incompatibilities('Thing', before, jsonSchema(z.strictObject(rest)));
};

describe('the committed schemas', () => {
  it('are what the code generates (else: npm run generate)', async () => {
    expect(drift(await committedCatalog(SCHEMA_DIRECTORY), currentCatalog())).toEqual([]);
  });

  it('are not broken by what the code says today', async () => {
    expect(catalogIncompatibilities(await committedCatalog(SCHEMA_DIRECTORY), currentCatalog())).toEqual([]);
  });

  it('would be broken by a change of any message: a property removed is seen in each', async () => {
    const committed = await committedCatalog(SCHEMA_DIRECTORY);
    for (const [subject, schema] of Object.entries(committed)) {
      const [first, ...rest] = Object.entries(schema.properties ?? {});
      const faults = catalogIncompatibilities(committed, {
        ...committed,
        [subject]: { ...schema, properties: Object.fromEntries(rest) },
      });
      expect(faults).toContain(`${subject}: the property "${first?.[0]}" was removed or renamed.`);
    }
  });
});

describe('a change that breaks readers, producers or records', () => {
  it('is a property removed', () => {
    expect(without('size')).toEqual(['Thing: the property "size" was removed or renamed.']);
    expect(without('hint')).toEqual(['Thing: the property "hint" was removed or renamed.']);
  });

  it('is a property newly required, whether added or made so', () => {
    expect(after({ extra: z.string() })).toEqual(['Thing: the property "extra" is newly required.']);
    expect(after({ hint: z.string() })).toEqual(['Thing: the property "hint" is newly required.']);
  });

  it('is a property that was always there and need no longer be', () => {
    expect(after({ size: shape.size.optional() })).toEqual(['Thing: the property "size" was always there and is now optional.']);
  });

  it('is a narrower type, enum, bound or pattern', () => {
    expect(after({ note: z.string() })).toEqual(['Thing: the property "note" no longer takes the type null, only string.']);
    expect(after({ id: z.int() })).toEqual(['Thing: the property "id" no longer takes the type string, only integer.']);
    expect(after({ tier: z.enum(['big']) })).toEqual(['Thing: the property "tier" no longer takes the value "small".']);
    expect(after({ hint: z.enum(['a']).optional() })).toEqual(['Thing: the property "hint" now takes only ["a"].']);
    expect(after({ size: z.int().min(2).max(10) })).toEqual(['Thing: the property "size" has a narrower minimum: 1 became 2.']);
    expect(after({ id: z.string().max(9) })).toEqual(['Thing: the property "id" has a narrower maxLength: 10 became 9.']);
    expect(after({ id: shape.id.regex(/^a/) })).toEqual([
      'Thing: the property "id" has another pattern, which may refuse what was accepted.',
    ]);
  });

  it('is found inside objects, arrays, unions and records', () => {
    expect(after({ place: z.strictObject({ host: z.string() }) })).toEqual([
      'Thing: the property "place.port" was removed or renamed.',
    ]);
    expect(after({ tags: z.array(z.strictObject({ key: z.string(), value: z.string() })).max(5) })).toEqual([
      'Thing: the property "tags[].value" is newly required.',
    ]);
    const [grow, stop] = shape.command.options;
    expect(after({ command: z.discriminatedUnion('name', [stop]) })).not.toEqual([]);
    expect(after({ command: z.discriminatedUnion('name', [grow, stop.extend({ until: z.string() })]) })).toEqual([
      'Thing: the property "command.until" is newly required.',
    ]);
    expect(after({ counted: z.record(z.string(), z.int().min(1)) })).toEqual([
      'Thing: the property "counted.*" has a narrower minimum: 0 became 1.',
    ]);
    expect(after({ counted: z.strictObject({}) })).toEqual(['Thing: the property "counted" no longer takes further properties.']);
  });

  it('is a whole message removed', () => {
    expect(catalogIncompatibilities({ 'topic-Thing': before }, {})).toEqual(['topic-Thing: the message was removed.']);
  });
});

describe('a change that breaks nobody', () => {
  it('is none at all, an optional property, wider bounds, a further value, type or alternative, or a new message', () => {
    expect(after({})).toEqual([]);
    expect(after({ extra: z.string().optional() })).toEqual([]);
    expect(after({ size: z.int().min(0).max(11) })).toEqual([]);
    expect(after({ size: z.number().min(1).max(10) })).toEqual([]);
    expect(after({ tier: z.enum(['big', 'small', 'tiny']) })).toEqual([]);
    expect(after({ tier: z.string() })).toEqual([]);
    expect(after({ id: shape.id.nullable() })).toEqual([]);
    expect(
      after({ command: z.discriminatedUnion('name', [...shape.command.options, z.strictObject({ name: z.literal('nap') })]) }),
    ).toEqual([]);
    expect(catalogIncompatibilities({ 'topic-Thing': before }, { 'topic-Thing': before, 'topic-Other': before })).toEqual([]);
  });
});

describe('generating', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'contracts-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const narrowed = jsonSchema(z.strictObject({ ...shape, tier: z.enum(['big']) }));

  it('writes nothing over an incompatible baseline, unless told that it breaks', async () => {
    expect(await writeCatalog(directory, { Thing: before }, { breaking: false })).toEqual([]);
    expect(await writeCatalog(directory, { Thing: narrowed }, { breaking: false })).toEqual([
      'Thing: the property "tier" no longer takes the value "small".',
    ]);
    expect(await committedCatalog(directory)).toEqual({ Thing: before });
    expect(await writeCatalog(directory, { Other: narrowed }, { breaking: true })).toEqual([]);
    expect(await readdir(directory)).toEqual(['Other.json']);
  });

  it('notices a file that is missing, different, or nobody’s', async () => {
    await writeCatalog(directory, { Thing: before, Old: before }, { breaking: false });
    expect(drift(await committedCatalog(directory), { Thing: narrowed, Fresh: before })).toEqual([
      'schemas/Fresh.json is missing',
      'schemas/Old.json belongs to no message',
      'schemas/Thing.json is not what the code generates',
    ]);
  });
});
