export { LauncherError, type LauncherErrorCode } from './errors.ts';
export { readStack, type Stack, stackFile } from './stack-file.ts';
