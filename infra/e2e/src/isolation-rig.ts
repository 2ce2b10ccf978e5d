import { waitFor } from '@ultracore/testkit';
import { type Fronted, frontPlatform } from './edge.ts';
import { clientOf } from './gateway.ts';
import { createPlatform, type Platform, type RunningService } from './platform.ts';

/** A platform with one gateway behind its edge, as attacks on isolation need it. */
export interface IsolationRig extends AsyncDisposable {
  readonly platform: Platform;
  readonly gateway: RunningService;
  readonly edge: Fronted;
  /** Resolves when every connection is free again: what callers left behind is still being cancelled for a moment. */
  atRest(): Promise<void>;
}

export async function startIsolationRig(): Promise<IsolationRig> {
  const platform = await createPlatform();
  try {
    const [gateway] = await Promise.all([
      platform.start('pool-gateway'),
      platform.start('registry'),
      platform.start('provisioning-worker'),
    ]);
    const edge = await frontPlatform(platform);
    const operator = clientOf(gateway, platform.tokens.operator);
    const isAtRest = async (): Promise<boolean> => {
      const { body } = await operator.get('/v1/pools');
      return body['in_use'] === 0 && body['waiting'] === 0;
    };
    return {
      platform,
      gateway,
      edge,
      async atRest() {
        await waitFor(isAtRest, { what: 'every connection to be free again', deadlineMs: 30_000 });
      },
      async [Symbol.asyncDispose]() {
        await edge[Symbol.asyncDispose]();
        await platform[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await platform[Symbol.asyncDispose]();
    throw error;
  }
}
