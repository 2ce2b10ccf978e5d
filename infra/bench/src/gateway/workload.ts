/** What a client asks. Each tenant has ROWS instruments, with the same ids in every tenant: a foreign row shows by its name. */
export const WORKLOADS = ['point', 'rows', 'writes'] as const;
export type Workload = (typeof WORKLOADS)[number];

export const WORKLOAD_NAMES: Readonly<Record<Workload, string>> = {
  point: 'point select',
  rows: '1,000-row select',
  writes: '10 % writes',
};

/** Instruments of each tenant. */
const ROWS = 1000;

const COLUMNS = 'id, name, symbol, kind, currency, risk_class, updated_at';
const POINT = `select ${COLUMNS} from instruments where tenant_id = $1 and id = $2`;
const ALL = `select ${COLUMNS} from instruments where tenant_id = $1 order by id limit ${ROWS}`;
const WRITE = 'update instruments set risk_class = $3 where tenant_id = $1 and id = $2';

/** One statement with its parameters, whatever protocol carries it. */
export interface Call {
  readonly text: string;
  readonly params: readonly string[];
  /** What Postgres must say when it is done, e.g. `SELECT 1`. */
  readonly tag: string;
  /** A text that the answer must hold, if it holds rows: the name of a row of this tenant. */
  readonly holds: string | undefined;
}

export const textsOf = (workload: Workload): string[] =>
  workload === 'point' ? [POINT] : workload === 'rows' ? [ALL] : [POINT, WRITE];

const instrumentId = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const instrumentName = (tenantId: string, number: number): string => `${tenantId} ${number}.`;

/** `count` calls of one tenant, of which a tenth writes where the workload does. */
export function callsOf(workload: Workload, tenantId: string, count: number, random: () => number): Call[] {
  return Array.from({ length: count }, (_, index) => {
    if (workload === 'rows')
      return { text: ALL, params: [tenantId], tag: `SELECT ${ROWS}`, holds: instrumentName(tenantId, ROWS) };
    const number = 1 + Math.floor(random() * ROWS);
    const params = [tenantId, instrumentId(number)];
    return workload === 'writes' && index % 10 === 0
      ? { text: WRITE, params: [...params, String(1 + (number % 7))], tag: 'UPDATE 1', holds: undefined }
      : { text: POINT, params, tag: 'SELECT 1', holds: instrumentName(tenantId, number) };
  });
}

/** Fills the table as the tenant itself. */
export const FILL_SQL = `insert into instruments (id, kind, name, symbol, currency, risk_class)
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'equity', ultracore.current_tenant_id() || ' ' || n || '.',
         'SYM' || n, 'CHF', 1 + n % 7
    from generate_series(1, ${ROWS}) as n`;
