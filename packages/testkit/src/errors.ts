export type TestkitErrorCode = 'no_stack' | 'backend_missing' | 'backends_failed' | 'timed_out' | 'leaked' | 'spawn_failed';

/** A fault of the test's surroundings, not of what is tested. */
export class TestkitError extends Error {
  readonly code: TestkitErrorCode;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TestkitError';
    this.code = code;
  }
}
