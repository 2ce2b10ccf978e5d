export const PROBE_ERROR_CODES = [
  /** Tenants that were given do not fit: not of the tier, attacker and victim the same, no login. */
  'bad_tenants',
  /** The victim's rows could not be planted, or its state not read: nothing could be judged. */
  'not_planted',
  /** The attacker's connection or request does not work before any probe. */
  'no_session',
  /** A probe of the corpus names something that no run has. */
  'bad_probe',
] as const;

export type ProbeErrorCode = (typeof PROBE_ERROR_CODES)[number];

/** The runner could not do its work. That a probe got through is no error but a finding of the report. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly code: ProbeErrorCode;

  constructor(code: ProbeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
