import type { TenantLease } from '../store/leases.ts';
import type { LeasedItem } from '../store/work.ts';

/** One tenant's turn: a request, a migration that a rollout asks for, or a home whose logins are not as they should be. */
export type Task =
  | { readonly kind: 'item' | 'migration'; readonly item: LeasedItem }
  | { readonly kind: 'home'; readonly lease: TenantLease };

/** Each leases up to so many that are due; not called when none is free. */
export interface TaskSources {
  readonly others: (limit: number) => Promise<readonly LeasedItem[]>;
  readonly homes: (limit: number) => Promise<readonly TenantLease[]>;
  readonly migrations: (limit: number) => Promise<readonly LeasedItem[]>;
}

/**
 * Leases up to `limit` tasks, of them at most `migrations` migrations. What somebody waits for comes first, also a suspension or a
 * new limit: a rollout has enough migrations to keep every slot busy for long, so they get what is left.
 */
export async function leaseTasks(
  sources: TaskSources,
  { limit, migrations }: { readonly limit: number; readonly migrations: number },
): Promise<Task[]> {
  const tasks: Task[] = [];
  const take = async <Leased>(
    most: number,
    lease: (limit: number) => Promise<readonly Leased[]>,
    toTask: (leased: Leased) => Task,
  ): Promise<void> => {
    const free = Math.min(limit - tasks.length, most);
    if (free > 0) tasks.push(...(await lease(free)).map(toTask));
  };
  await take(limit, sources.others, (item) => ({ kind: 'item', item }));
  await take(limit, sources.homes, (lease) => ({ kind: 'home', lease }));
  await take(migrations, sources.migrations, (item) => ({ kind: 'migration', item }));
  return tasks;
}
