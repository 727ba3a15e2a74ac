import { audit } from '../../src/cli/audit.ts';
import { memoryOf } from '../support/memory.ts';
import { serveWorker } from '../support/worker.ts';

/** `callboard audit …` as the command line runs it, in a process of its own. */

export interface AuditAsk {
  readonly dataDir: string;
  readonly args: ReadonlyArray<string>;
}

export interface AuditAnswer {
  readonly elapsedMs: number;
  readonly rssMaxMb: number;
}

serveWorker<AuditAsk, AuditAnswer>(async ({ dataDir, args }) => {
  process.env['CALLBOARD_DATA_DIR'] = dataDir;
  const startedMs = performance.now();
  const code = await audit.run(args);
  if (code !== 0) throw new Error(`audit ${args.join(' ')} ended with ${code}`);
  return {
    elapsedMs: performance.now() - startedMs,
    rssMaxMb: memoryOf(process.pid).rssMaxMb,
  };
});
