import { parentPort } from 'node:worker_threads';
import { judgeText, loadParser } from './parser.ts';

await loadParser();
parentPort?.on('message', (text: string) => parentPort?.postMessage(judgeText(text), []));
