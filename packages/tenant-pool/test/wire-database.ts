import { type FreshDatabase, freshDatabase, testStack } from '@ultracore/testkit';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Backend, type BackendOptions, openBackend } from '../src/index.ts';

export interface WireDatabase {
  options: (over?: Partial<BackendOptions>) => BackendOptions;
  /** A connection that ends with the test. */
  open: (over?: Partial<BackendOptions>) => Promise<Backend>;
}

/** A database for the tests of one file, with a thousand rows in `account (id, name, balance)`. */
export function wireDatabase(): WireDatabase {
  let database: FreshDatabase;
  const options = (over: Partial<BackendOptions> = {}): BackendOptions => ({
    ...testStack().postgres,
    database: database.name,
    applicationName: 'wire test',
    settings: {},
    connectTimeoutMs: 10_000,
    ...over,
  });

  beforeAll(async () => {
    database = await freshDatabase(testStack());
    const backend = await openBackend(options());
    await backend.command('create table account (id int primary key, name text not null, balance numeric check (balance >= 0))');
    await backend.command("insert into account select g, 'name ' || g, g from generate_series(1, 1000) g");
    backend.close();
    await backend.closed;
  });
  afterAll(() => database[Symbol.asyncDispose]());

  return {
    options,
    async open(over) {
      const backend = await openBackend(options(over));
      onTestFinished(async () => {
        backend.destroy();
        await backend.closed;
      });
      return backend;
    },
  };
}
