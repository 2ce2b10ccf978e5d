import { describeKills } from './support/crash-suite.ts';

describeKills((boundaries) => boundaries);
