/** Whose token a request carries, and what was done to it. */
export const TOKEN_KINDS = [
  'none',
  'own',
  'own-read-only',
  'operator',
  'auditor',
  'creator',
  'stranger',
  'garbage',
  'empty',
  'expired',
  'not-yet-valid',
  'without-expiry',
  'without-subject',
  'several-tenants',
  'wrong-audience',
  'wrong-issuer',
  'unsigned',
  'unsigned-spelt',
  'wrong-key',
  'own-key-in-header',
  'key-by-address',
  'key-id-of-a-file',
  'symmetric',
  'tampered',
] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** One request. `{self}`, `{victim}` and `{unknown}` in texts are tenant ids, `{token}` is the attacker's own token. */
export interface HttpAttempt {
  readonly token: TokenKind;
  /** Another scheme than `Bearer`. */
  readonly scheme?: string;
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly path?: string;
  /** A list is sent as a header repeated. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** What is sent; by default a query for every row. */
  readonly body?: unknown;
  /** Statuses of which one must come, each alone or with the problem's code: `401`, `403 tenant_mismatch`. */
  readonly expect: readonly string[];
}

/** An attack on the gateway's own paths: requests one after the other on one connection, or bytes as they are. */
export interface HttpProbe {
  readonly id: string;
  readonly category: 'gateway-paths';
  readonly attempts: string;
  readonly requests: readonly HttpAttempt[];
  /** The answers differ in nothing but ids of requests: what one of them tells, the other tells too. */
  readonly alike?: boolean;
  /** Sent instead of `requests`, on a connection of its own; every answer's status must be one of `statuses`. */
  readonly raw?: { readonly text: string; readonly statuses: readonly number[] };
}
