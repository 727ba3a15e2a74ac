import { join } from 'node:path';
import type { AuditAnswer, AuditAsk } from '../processes/audit.ts';
import type { VerifyBenchAnswer, VerifyBenchAsk } from '../processes/verify.ts';
import { eventsFile, fillFolder, sealFolder } from '../support/data-folder.ts';
import type { Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { startWorker } from '../support/worker.ts';
import { sales } from './start.ts';

/** The audits that go through a whole history, as the command line runs them, beside reading and hashing it on one thread. */
const AUDITS = { verify: 'verified', conserve: 'counted and compared', export: 'exported' } as const;
const NAMES = Object.keys(AUDITS) as ReadonlyArray<keyof typeof AUDITS>;

export const wholeLog: Figure = {
  name: 'whole-log',
  async measure(bench) {
    const folder = bench.newFolder('whole-log');
    bench.progress(`storing ${bench.size.startEvents} events`);
    const events = await fillFolder(folder, sales(bench, folder, bench.size.startEvents));
    await sealFolder(folder);

    const audited = async (name: string): Promise<AuditAnswer> => {
      const worker = startWorker<AuditAsk, AuditAnswer>(new URL('../processes/audit.ts', import.meta.url));
      const out = bench.newFolder('export');
      const args = name === 'export' ? [name, '--out', join(out, 'files')] : [name];
      const answer = await worker.ask({ dataDir: folder, args });
      await worker.stop();
      bench.removeFolder(out);
      return answer;
    };
    const bare = async (): Promise<AuditAnswer> => {
      const worker = startWorker<VerifyBenchAsk, VerifyBenchAnswer>(
        new URL('../processes/verify.ts', import.meta.url),
      );
      const answer = await worker.ask({ path: eventsFile(folder), bare: true });
      await worker.stop();
      return answer;
    };
    const sides = {
      bare,
      verify: () => audited('verify'),
      conserve: () => audited('conserve'),
      export: () => audited('export'),
    };
    const rate = ({ elapsedMs }: AuditAnswer): number => (events * 1000) / elapsedMs;
    const runs = await interleaved(bench.size.longRuns, sides, (run, side, answer) =>
      bench.progress(
        `run ${run}, ${side}: ${Math.round(rate(answer))} events per s, ${Math.round(answer.rssMaxMb)} MB`,
      ),
    );
    bench.removeFolder(folder);
    const baseline = 'read and SHA-256, one thread';
    return NAMES.flatMap((name): ReadonlyArray<Row> => [
      {
        figure: `Events ${AUDITS[name]} of ${events.toLocaleString('en-US')} by \`audit ${name}\``,
        unit: 'per s',
        runs: runs[name].map(rate),
        baseline: { name: baseline, unit: 'per s', runs: runs.bare.map(rate) },
        goal: name === 'verify' ? { of: 'ratio', atLeast: 0.5 } : null,
      },
      {
        figure: '… the most memory (RSS) there ever was',
        unit: 'MB',
        runs: runs[name].map(({ rssMaxMb }) => rssMaxMb),
        baseline: { name: baseline, unit: 'MB', runs: runs.bare.map(({ rssMaxMb }) => rssMaxMb) },
        goal: { of: 'value', atMost: 300 },
      },
    ]);
  },
};
