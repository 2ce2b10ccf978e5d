import { subjects } from '@ultracore/contracts';
import type { Subject } from '@ultracore/contracts';
import { createSchemaRegistry } from '@ultracore/kafka';

const AT_ONCE = 8;

/**
 * Registers the schema of every subject, with compatibility `BACKWARD`: topics are kept for ever, so a new version must read
 * everything that the one before could. Returns the subjects of which it is not what was the latest. Throws `schema_incompatible`,
 * naming the subject, when the registry refuses one.
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
      const { subject, schema } = next;
      const latest = await registry.latest(subject);
      if ((await registry.register(subject, schema)) !== latest?.id) registered.push(subject);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { registered: registered.sort() };
};
