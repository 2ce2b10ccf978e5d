export { makeHome, makeTables } from './make-home.ts';
