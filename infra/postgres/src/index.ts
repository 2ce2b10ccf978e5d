export { bootstrapServer as bootstrapTenantServer } from '@ultracore/tenant-database';
export { bootstrapControlPlane, CONTROL_PLANE, verifyControlPlane } from './control-plane.ts';
export type { ControlPlanePasswords, ControlPlaneRole } from './control-plane.ts';
