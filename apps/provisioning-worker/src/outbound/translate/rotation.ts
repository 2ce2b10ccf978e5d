import { toReason } from '@ultracore/contracts';
import type { RotationStep } from '../../provisioning/rotation/steps.ts';
import { given, type Fact, type Told } from './fact.ts';

/** The fact that a step of a rotation tells, or undefined for one of which only the worker knows. */
export function rotationFact(step: RotationStep, told: Told, time: string): Fact | undefined {
  switch (step) {
    case 'credentials':
      return { type: 'TenantCredentialsIssuedEvent', fields: { ...given(told.sealed, step), issued_at: time } };
    case 'rotated':
      return { type: 'TenantPasswordRotatedEvent', fields: { ...given(told.sealed, step), rotated_at: time } };
    case 'rotation_failed': {
      const { step: where, code, reason } = given(told.failure, step);
      const fields = { step: where, code, reason: toReason(reason), failed_at: time };
      return { type: 'TenantPasswordRotationFailedEvent', fields };
    }
    case 'check':
    case 'passwords':
      return undefined;
    default:
      return step satisfies never;
  }
}
