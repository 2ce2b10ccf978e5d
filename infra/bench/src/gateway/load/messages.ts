import type { Workload } from '../workload.ts';
import type { SparseCounts } from './histogram.ts';

/** A tenant as a client of any of the contenders: a token for HTTP, a login for Postgres's protocol. */
export interface ClientLogin {
  tenantId: string;
  token: string;
  user: string;
  password: string;
  database: string;
  /** Share of the requests, or, where requests are paced, requests a second. */
  share: number;
  /** Latencies are counted apart for each group. */
  group: number;
}

export interface Target {
  protocol: 'http' | 'postgres';
  host: string;
  port: number;
  /** Postgres only: whether named statements may be used. Without, every request is parsed anew. */
  prepared: boolean;
}

export interface Load {
  target: Target;
  workload: Workload;
  /** Requests under way at once, each client one; with paced load, of each group, the others waiting for a connection. */
  clients: number;
  tenants: ClientLogin[];
  seed: number;
  /** One answer in so many is looked into; default 256. */
  checkEvery?: number;
}

export interface RunResult {
  requests: number;
  /** Answered with an error, or not at all. */
  failed: number;
  /** Answers that were looked into (one in some hundred), and those of them that were not right. */
  checked: number;
  wrong: number;
  /** The first failure, in words. */
  firstFailure: string | undefined;
  seconds: number;
  /** What the generator itself spent. */
  cpuUs: number;
  /** By group, in ms. */
  latencies: SparseCounts[];
  /** Connections at the end. */
  connections: number;
}

/** From the bench to its generator. */
export type Order =
  | { kind: 'open'; load: Load }
  /** Every client sends its next request when the one before is answered. */
  | { kind: 'run'; ms: number }
  /** Requests come at random times at each tenant's rate, whatever is still under way; what waits for a connection counts as slow. */
  | { kind: 'pace'; ms: number }
  | { kind: 'close' };
