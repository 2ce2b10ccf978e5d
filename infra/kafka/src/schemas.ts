import { isDeepStrictEqual } from 'node:util';
import { subjects } from '@ultracore/contracts';
import type { Subject } from '@ultracore/contracts';
import { createSchemaRegistry } from '@ultracore/kafka';
import type { SchemaRegistry } from '@ultracore/kafka';

/** Topics are kept for ever: a new version must read everything that the one before could. */
const COMPATIBILITY = 'BACKWARD';

const AT_ONCE = 8;

const ensure = async (registry: SchemaRegistry, { subject, schema }: Subject): Promise<boolean> => {
  const latest = await registry.latest(subject);
  const isNew = !isDeepStrictEqual(latest?.schema, schema);
  // Compatibility first where the subject exists, so that the registry itself refuses a change that breaks readers.
  if (latest !== undefined) await ensureCompatibility(registry, subject);
  if (isNew) await registry.register(subject, schema);
  if (latest === undefined) await ensureCompatibility(registry, subject);
  return isNew;
};

const ensureCompatibility = async (registry: SchemaRegistry, subject: string): Promise<void> => {
  if ((await registry.compatibilityOf(subject)) !== COMPATIBILITY) await registry.setCompatibility(subject, COMPATIBILITY);
};

/**
 * Registers the schema of every subject where the latest differs, and sets each subject's compatibility. Throws
 * `schema_incompatible`, naming the subject, when the registry refuses one.
 */
export const registerSchemas = async (
  schemaRegistryUrl: string,
  wanted: readonly Subject[] = subjects(),
): Promise<{ registered: readonly string[] }> => {
  const registry = createSchemaRegistry(schemaRegistryUrl);
  const registered: string[] = [];
  const waiting = [...wanted];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (await ensure(registry, next)) registered.push(next.subject);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { registered: registered.sort() };
};
