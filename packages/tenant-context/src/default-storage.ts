import { createTenantStorage } from './tenant-storage.ts';

/** What the functions of the package work on. A program that needs a second one, as a test does, makes it with `createTenantStorage`. */
export const defaultStorage = createTenantStorage();

export const {
  setTenant,
  getTenant,
  findTenant,
  current: currentContext,
  runWithTenant,
  runWithoutTenant,
  bind: bindTenant,
  bindEmitter,
  bindStream,
  bindIterable,
} = defaultStorage;
