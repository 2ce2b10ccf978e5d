/** What one tenant's requests came to in a window. */
export interface Usage {
  statements: number;
  errors: number;
  /** Refused because too much was waiting already, or because the wait was too long. */
  throttled: number;
  rows: number;
  bytesIn: number;
  bytesOut: number;
}

/** The counters that a tenant's requests add to. */
export interface Meter {
  /** Of the present window: to be asked each time. */
  of(tenantId: string): Usage;
}

/** What the pools of one tenant have used since they exist, in milliseconds. */
export interface PoolUsage {
  /** Work in Postgres, added up over all statements. */
  readonly busyMs: number;
  /** Waiting for a connection, added up over all requests. */
  readonly queuedMs: number;
  /** Connections held × time. */
  readonly connectionMs: number;
  /** Connections at this moment. */
  readonly connections: number;
  /** The most there were at one time since they were last looked at. */
  readonly peak: number;
}

export const noUsage = (): Usage => ({ statements: 0, errors: 0, throttled: 0, rows: 0, bytesIn: 0, bytesOut: 0 });
