import { readConfig } from './config.ts';
import { setupKafka } from './setup.ts';

try {
  const result = await setupKafka(readConfig(process.env));
  console.log(
    `${result.topicsCreated.length} topics created, ${result.aclsGranted} rights granted, ${result.aclsRevoked} taken back, ` +
      `${result.schemasRegistered.length} schemas registered`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
