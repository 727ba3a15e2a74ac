import { METRICS } from '../../../simulator/load/measure.ts';
import { METRIC_NAMES } from '../../../simulator/load/report.ts';
import type { RunResult } from '../../../simulator/load/run.ts';

const NAME_WIDTH = 34;
const CELL_WIDTH = 10;

const row = (name: string, cells: ReadonlyArray<string>): string =>
  `  ${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(CELL_WIDTH)).join('')}\n`;

export const printRun = (name: string, result: RunResult): void => {
  const { settings, changes, accepted, lost, doubled, unanswered, acceptedPerSecond, latencies } = result;
  const rows = METRICS.map((metric) => {
    const { count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = latencies[metric];
    return row(METRIC_NAMES[metric], [
      String(count),
      ...[p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map((ms) => ms.toFixed(1)),
    ]);
  });
  process.stdout.write(
    `${name}: ${settings.rate}/s for ${settings.seconds} s: ${accepted} of ${changes} accepted ` +
      `(${acceptedPerSecond.toFixed(0)}/s), ${lost} lost, ${doubled} delivered twice, ${unanswered} posts sent again\n` +
      row('milliseconds', ['n', 'p50', 'p90', 'p99', 'p99.9', 'max']) +
      rows.join(''),
  );
};
