/** Everything that can keep the local stack from running, told in one sentence with its remedy. */
const LAUNCHER_ERROR_CODES = [
  'bad_option',
  'port_taken',
  'java_missing',
  'maven_missing',
  'docker_failed',
  'fetch_failed',
  'disk_full',
  'data_dir_unusable',
  'master_password_wrong',
  'master_key_in_use',
  'already_running',
  'not_running',
  'backend_failed',
  'backend_unreachable',
  'service_failed',
  'setup_failed',
  'stack_file_unusable',
  'interrupted',
  'unknown_tenant',
  'inactive_tenant',
  'credential_closed',
] as const;

export type LauncherErrorCode = (typeof LAUNCHER_ERROR_CODES)[number];

/** `message` is meant for a terminal: one sentence that says what is wrong and what to do about it. */
export class LauncherError extends Error {
  readonly code: LauncherErrorCode;

  constructor(code: LauncherErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LauncherError';
    this.code = code;
  }
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Turns the file-system errors a data directory can give into a sentence; hands anything else back unchanged. */
export function explainFileError(error: unknown, path: string): unknown {
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new LauncherError(
        'disk_full',
        `No space left on the disk of ${path}: free about 1 GB, or choose another disk with --data-dir.`,
        {
          cause: error,
        },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new LauncherError(
        'data_dir_unusable',
        `${path} is not writable: choose another folder with --data-dir, or fix its permissions.`,
        {
          cause: error,
        },
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new LauncherError('data_dir_unusable', `${path} is not a folder: choose another one with --data-dir.`, {
        cause: error,
      });
    default:
      return error;
  }
}
