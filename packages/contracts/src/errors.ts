export const CONTRACT_ERROR_CODES = ['bad_envelope'] as const;
export type ContractErrorCode = (typeof CONTRACT_ERROR_CODES)[number];

/** The one error of this package. Switch on `code`, not on the text. */
export class ContractError extends Error {
  readonly code: ContractErrorCode;

  constructor(code: ContractErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ContractError';
    this.code = code;
  }
}
