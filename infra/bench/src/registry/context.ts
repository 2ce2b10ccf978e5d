import type { Platform } from '../frame/platform.ts';
import type { Findings } from '../frame/report.ts';
import type { BenchOptions } from '../options.ts';

export interface RegistryContext {
  platform: Platform;
  options: BenchOptions;
  progress: (line: string) => void;
}

export type RegistryPart = (context: RegistryContext) => Promise<Findings>;
