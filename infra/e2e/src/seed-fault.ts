import { registerHooks } from 'node:module';
import type { SeededFault } from './faulty-gateway.ts';

/**
 * Loaded before a service (`--import`): the service runs with one text of its source replaced, so that a test can show that it
 * notices. The process ends at once when the text is not there: a fault that was not seeded proves nothing.
 */
const fault = JSON.parse(process.env['ULTRACORE_SEEDED_FAULT'] ?? '{}') as SeededFault;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(fault.file)) return loaded;
    const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source ?? undefined);
    if (!source.includes(fault.instead)) {
      process.stderr.write(`The fault cannot be seeded: ${fault.file} has no ${JSON.stringify(fault.instead)}.\n`);
      process.exit(70);
    }
    return { ...loaded, source: source.replace(fault.instead, fault.run) };
  },
});
