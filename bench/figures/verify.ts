import type { VerifyBenchAnswer, VerifyBenchAsk } from '../processes/verify.ts';
import { eventsFile, fillFolder, sealFolder } from '../support/data-folder.ts';
import type { Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { startWorker } from '../support/worker.ts';
import { sales } from './start.ts';

/** How fast the whole history is verified, every chain and every seal, beside reading and hashing it on one thread. */
export const verify: Figure = {
  name: 'verify',
  async measure(bench) {
    const folder = bench.newFolder('verify');
    bench.progress(`storing ${bench.size.startEvents} events`);
    const events = await fillFolder(folder, sales(bench, folder, bench.size.startEvents));
    const seals = await sealFolder(folder);
    bench.progress(`${events} events, ${seals} seals`);
    const runOnce = async (bare: boolean): Promise<VerifyBenchAnswer> => {
      const process = startWorker<VerifyBenchAsk, VerifyBenchAnswer>(
        new URL('../processes/verify.ts', import.meta.url),
      );
      const answer = await process.ask({ path: eventsFile(folder), bare });
      await process.stop();
      if (answer.events < events) throw new Error(`${answer.events} events were read of ${events}`);
      return answer;
    };
    const rate = ({ events: done, elapsedMs }: VerifyBenchAnswer): number => (done * 1000) / elapsedMs;
    const runs = await interleaved(
      bench.runs,
      { bare: () => runOnce(true), callboard: () => runOnce(false) },
      (run, side, answer) =>
        bench.progress(
          `run ${run}, ${side}: ${Math.round(rate(answer))} events per s, ${Math.round(answer.rssMaxMb)} MB`,
        ),
    );
    bench.removeFolder(folder);
    const total = events.toLocaleString('en-US');
    return [
      {
        figure: `Events verified of ${total}, with ${seals} seals`,
        unit: 'per s',
        runs: runs.callboard.map(rate),
        baseline: { name: 'read and SHA-256, one thread', unit: 'per s', runs: runs.bare.map(rate) },
        goal: { of: 'ratio', atLeast: 0.5 },
      },
      {
        figure: '… the most memory (RSS) there ever was',
        unit: 'MB',
        runs: runs.callboard.map(({ rssMaxMb }) => rssMaxMb),
        baseline: {
          name: 'read and SHA-256, one thread',
          unit: 'MB',
          runs: runs.bare.map(({ rssMaxMb }) => rssMaxMb),
        },
        goal: { of: 'value', atMost: 300 },
      },
    ];
  },
};
