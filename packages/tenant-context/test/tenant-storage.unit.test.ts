import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { array, assert, asyncProperty, scheduler as schedulers } from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTenantStorage, isTenantContextError, type TenantStorage } from '../src/index.ts';
import * as defaults from '../src/index.ts';
import { createShared, HOPS, lazily, programs, runProgram } from './programs.ts';

let storage: TenantStorage;
beforeEach(() => {
  storage = createTenantStorage();
});

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    if (isTenantContextError(error)) return error.code;
    throw error;
  }
  return undefined;
};

describe('runWithTenant', () => {
  test('many programs at once, in any order of their steps, each see their own tenant at every step and never another', async () => {
    await assert(
      asyncProperty(schedulers(), array(programs, { minLength: 2, maxLength: 10 }), async (scheduler, list) => {
        const shared = createShared();
        const running = Promise.all(
          list.map((program) => runProgram(storage, shared, program, () => scheduler.schedule(Promise.resolve()))),
        );
        const results = await scheduler.waitFor(running);
        expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
        expect(storage.findTenant()).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  test.for(HOPS)('keeps two tenants apart that both go over: %s', async (hop) => {
    const shared = createShared();
    const steps = Array.from({ length: 5 }, () => ({ kind: 'hop' as const, hop }));
    const results = await Promise.all(
      ['acme', 'globex', 'acme', 'initech'].map((tenantId) => runProgram(storage, shared, { tenantId, steps })),
    );
    expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(results.every(({ looks }) => looks >= 10)).toBe(true);
  });

  test('gives the caller back what it had, also when the work throws or rejects', async () => {
    await storage.runWithTenant('acme', async () => {
      expect(storage.runWithTenant('globex', () => storage.getTenant())).toBe('globex');
      expect(storage.getTenant()).toBe('acme');
      expect(() =>
        storage.runWithTenant('globex', () => {
          throw new Error('on purpose');
        }),
      ).toThrow('on purpose');
      expect(storage.getTenant()).toBe('acme');
      await expect(storage.runWithTenant('globex', () => Promise.reject(new Error('on purpose')))).rejects.toThrow('on purpose');
      expect(storage.getTenant()).toBe('acme');
    });
    expect(storage.findTenant()).toBeUndefined();
  });

  test('hands on what the work returns, and begins a lazy thenable inside', async () => {
    expect(storage.runWithTenant('acme', () => 42)).toBe(42);
    const promise = Promise.resolve(1);
    expect(storage.runWithTenant('acme', () => promise)).toBe(promise);
    const lazy = lazily(() => Promise.resolve(storage.getTenant()));
    expect(await storage.runWithTenant('acme', () => lazy)).toBe('acme');
  });

  test('keeps all that is known of the request, and nobody can change it', () => {
    const given = { tenantId: 'acme', principal: 'service-a', correlationId: 'c', readonly: true };
    storage.runWithTenant(given, () => {
      given.tenantId = 'globex';
      const context = storage.current();
      expect(context).toEqual({ tenantId: 'acme', principal: 'service-a', correlationId: 'c', readonly: true });
      expect(() => Object.assign(context ?? {}, { tenantId: 'globex' })).toThrow(TypeError);
      expect(storage.getTenant()).toBe('acme');
    });
  });

  test.for(['', 'A', 'ac', 'Acme', 'acme_1', 'a--b', 'acme ', "acme';--", '__beat-1', 'a'.repeat(51)])(
    'refuses %j, and does not run the work',
    (id) => {
      let ran = false;
      const work = () => {
        ran = true;
      };
      expect(codeOf(() => storage.runWithTenant(id, work))).toBe('tenant_invalid');
      expect(codeOf(() => storage.setTenant(id))).toBe('tenant_invalid');
      expect(ran).toBe(false);
    },
  );
});

describe('outside of every context', () => {
  test('getTenant throws no_tenant, and nothing is made up', () => {
    expect(codeOf(() => storage.getTenant())).toBe('no_tenant');
    expect(storage.findTenant()).toBeUndefined();
    expect(storage.current()).toBeUndefined();
  });

  test('runWithoutTenant leaves the tenant for as long as it lasts', async () => {
    await storage.runWithTenant('acme', async () => {
      await storage.runWithoutTenant(async () => {
        await Promise.resolve();
        expect(storage.findTenant()).toBeUndefined();
      });
      expect(storage.getTenant()).toBe('acme');
    });
  });

  test('two storages know nothing of each other', () => {
    const other = createTenantStorage();
    storage.runWithTenant('acme', () =>
      other.runWithTenant('globex', () => {
        expect([storage.getTenant(), other.getTenant()]).toEqual(['acme', 'globex']);
      }),
    );
  });
});

describe('setTenant', () => {
  test('holds for the rest of this execution and all that it starts, not for others that began beside it', async () => {
    const one = async (tenantId: string): Promise<string[]> => {
      await Promise.resolve();
      storage.setTenant(tenantId);
      const seen = [storage.getTenant()];
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
      seen.push(storage.getTenant());
      return seen;
    };
    expect(await Promise.all(['acme', 'globex', 'initech'].map(one))).toEqual([
      ['acme', 'acme'],
      ['globex', 'globex'],
      ['initech', 'initech'],
    ]);
    expect(storage.findTenant()).toBeUndefined();
  });

  test('refuses to change the tenant of code that has one: it stays what it was', () => {
    storage.runWithTenant('acme', () => {
      storage.setTenant('acme');
      expect(codeOf(() => storage.setTenant('globex'))).toBe('tenant_conflict');
      expect(storage.getTenant()).toBe('acme');
    });
  });

  test('ends with the scope that it was called in', () => {
    storage.runWithoutTenant(() => storage.setTenant('acme'));
    expect(storage.findTenant()).toBeUndefined();
  });
});

describe('bind', () => {
  test('a listener of a shared emitter runs for the tenant that bound it, whoever emits; one that is not bound for the emitter', () => {
    const bus = new EventEmitter();
    const seen: (string | undefined)[] = [];
    const note = () => seen.push(storage.findTenant());
    storage.runWithTenant('acme', () => {
      bus.on('told', storage.bind(note));
      bus.on('told', note);
    });
    storage.runWithTenant('globex', () => bus.emit('told'));
    bus.emit('told');
    expect(seen).toEqual(['acme', 'globex', 'acme', undefined]);
  });

  test('a stream and a generator work for whoever bound them; one that is not bound for whoever reads', async () => {
    const readFor = (tenantId: string, made: () => AsyncIterable<string>): Promise<string[]> => {
      const source = storage.runWithTenant('acme', made);
      return storage.runWithTenant(tenantId, async () => {
        const seen: string[] = [];
        for await (const value of source) seen.push(value);
        return seen;
      });
    };
    async function* generator() {
      yield storage.getTenant();
    }
    let isRead = false;
    const stream = () => {
      isRead = false;
      return new Readable({
        objectMode: true,
        read() {
          this.push(isRead ? null : storage.getTenant());
          isRead = true;
        },
      });
    };
    expect(await readFor('globex', generator)).toEqual(['globex']);
    expect(await readFor('globex', () => storage.bindIterable(generator()))).toEqual(['acme']);
    expect(await readFor('globex', stream)).toEqual(['globex']);
    expect(await readFor('globex', () => storage.bindStream(stream()))).toEqual(['acme']);
  });

  test('hands arguments, results and errors through', () => {
    const add = storage.bind((a: number, b: number) => a + b);
    expect(add(1, 2)).toBe(3);
    const fail = storage.bind(() => {
      throw new RangeError('on purpose');
    });
    expect(fail).toThrow(RangeError);
  });

  test('what was bound outside of every context runs outside', () => {
    const look = storage.bind(() => storage.findTenant());
    expect(storage.runWithTenant('acme', look)).toBeUndefined();
  });

  test('leaves every other AsyncLocalStorage alone', () => {
    const other = createTenantStorage();
    const look = other.runWithTenant('initech', () => storage.bind(() => other.findTenant()));
    expect(other.runWithTenant('globex', look)).toBe('globex');
  });

  test('a bound stream ends, fails and is destroyed as any other', async () => {
    const failing = storage.bindStream(
      new Readable({
        read() {
          this.destroy(new Error('on purpose'));
        },
      }),
    );
    await expect(failing.toArray()).rejects.toThrow('on purpose');
    expect(await storage.bindStream(Readable.from(['a', 'b'])).toArray()).toEqual(['a', 'b']);
  });

  test('a bound iteration that is left early cleans up in its own context', async () => {
    let cleanedUpFor: string | undefined;
    async function* values() {
      try {
        yield 1;
        yield 2;
      } finally {
        cleanedUpFor = storage.findTenant();
      }
    }
    const bound = storage.runWithTenant('acme', () => storage.bindIterable(values()));
    for await (const _value of bound) break;
    expect(cleanedUpFor).toBe('acme');
  });
});

test('the functions of the package share one context, and need no object to be called on', async () => {
  const { bindTenant, currentContext, findTenant, getTenant, runWithTenant, runWithoutTenant, setTenant } = defaults;
  await runWithTenant('acme', async () => {
    await Promise.resolve();
    setTenant('acme');
    expect([getTenant(), findTenant(), currentContext()?.tenantId, bindTenant(getTenant)()]).toEqual(Array(4).fill('acme'));
    expect(runWithoutTenant(findTenant)).toBeUndefined();
  });
});
