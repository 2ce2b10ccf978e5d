import { STEPS, UNDO_STEPS } from '../../provisioning/creation/steps.ts';
import { MIGRATION_STEPS } from '../../provisioning/migration/steps.ts';
import { PURGE_STEPS } from '../../provisioning/purge/steps.ts';
import { REPLICA_STEPS } from '../../provisioning/replica/steps.ts';
import { ROTATION_STEPS } from '../../provisioning/rotation/steps.ts';
import type { WorkKind } from '../../provisioning/situation.ts';
import { creationFact } from './creation.ts';
import type { Fact, Told } from './fact.ts';
import { migrationFact } from './migration.ts';
import { purgeFact } from './purge.ts';
import { replicaFact } from './replica.ts';
import { rotationFact } from './rotation.ts';

/** The fact that a step tells, or undefined for a step of which only the worker knows. Throws for a step told too early. */
export function factOfStep(kind: WorkKind, step: string, told: Told, time: string): Fact | undefined {
  switch (kind) {
    case 'provision':
      return creationFact(oneOf([...STEPS, ...UNDO_STEPS], step), told, time);
    case 'rotate':
      return rotationFact(oneOf([...ROTATION_STEPS, 'rotation_failed'], step), told, time);
    case 'purge':
      return purgeFact(oneOf([...PURGE_STEPS, 'purge_failed'], step), told, time);
    case 'migrate':
      return migrationFact(oneOf([...MIGRATION_STEPS, 'upgrade_failed'], step), told, time);
    case 'verify_replica':
      return replicaFact(oneOf([...REPLICA_STEPS, 'rejected'], step), told, time);
    default:
      return kind satisfies never;
  }
}

function oneOf<const Step extends string>(steps: readonly Step[], step: string): Step {
  const found = steps.find((each) => each === step);
  if (found === undefined) throw new TypeError(`There is no step ${step} of this kind of work.`);
  return found;
}
