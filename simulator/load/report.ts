import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { type Metric, METRICS } from './measure.ts';
import { bars, escaped, overTime } from './plots.ts';
import type { RunResult } from './run.ts';

/** What a load leaves: JSON for machines, and one HTML file that needs nothing else. */
export interface LoadReport {
  readonly preset: string;
  readonly startedAt: string;
  readonly machine: string;
  readonly version: string;
  /** In sentences, the answer to what was asked first. */
  readonly findings: ReadonlyArray<string>;
  readonly runs: ReadonlyArray<{ readonly name: string; readonly result: RunResult }>;
}

export const machineOf = (): string => {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB RAM`;
  const load = `load ${(loadavg()[0] ?? 0).toFixed(1)} at the start`;
  return `${model}, ${availableParallelism()} cores, ${memory}, ${platform()} ${release()}, Node ${process.versions.node}; ${load}`;
};

export const METRIC_NAMES: Readonly<Record<Metric, string>> = {
  ingest: 'ingest: due → 202',
  acceptedToFirstByte: '202 → first byte at the receiver',
  endToEnd: 'end to end: due → first byte',
};

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:right}td:first-child,th:first-child{text-align:left}
figure{margin:1.5rem 0}svg{width:100%;height:auto}svg text{font-size:11px;fill:#57606a}.grid{stroke:#d0d7de}.bar{fill:#0969da}
figcaption{font-weight:600}small{font-weight:400;color:#57606a}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.grid{stroke:#30363d}svg text,small{fill:#8d96a0;color:#8d96a0}}`;

export const htmlOf = (report: LoadReport): string => {
  const { preset, startedAt, machine, version, findings, runs } = report;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>callboard load: ${escaped(preset)}</title><style>${STYLE}</style></head><body>
<h1>callboard load: ${escaped(preset)}</h1>
<p>${escaped(startedAt)}, Callboard ${escaped(version)}. ${escaped(machine)}.</p>
<ul>${findings.map((finding) => `<li>${escaped(finding)}</li>`).join('')}</ul>
${runs.map(({ name, result }) => runHtml(name, result)).join('\n')}
<p><small>Open loop: every latency counts from the moment at which a change was due, so that a stall counts in full.
Warm-up is left out of the tables and the histogram, and so are receivers that are slow, failing or dead.</small></p>
</body></html>
`;
};

const runHtml = (name: string, result: RunResult): string => {
  const { settings, latencies, histogram, seconds } = result;
  const { rate, warmUpSeconds, seconds: length, shares, seed } = settings;
  const rows = METRICS.map((metric) => {
    const { count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = latencies[metric];
    const cells = [p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map((ms) => `<td>${ms.toFixed(2)}</td>`).join('');
    return `<tr><td>${METRIC_NAMES[metric]}</td><td>${count.toLocaleString('en-US')}</td>${cells}</tr>`;
  });
  const sharesText = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([behaviour, share]) => `${share} % ${behaviour}`)
    .join(', ');
  return `<h2>${escaped(name)}</h2>
<p>${rate} changes/s for ${length} s after ${warmUpSeconds} s of warm-up; receivers ${sharesText}; seed ${seed}.
${result.accepted} of ${result.changes} accepted (${result.acceptedPerSecond.toFixed(0)}/s), ${result.lost} lost, ${result.doubled} delivered
twice, ${result.unanswered} posts sent again.</p>
<table><tr><th>milliseconds</th><th>n</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>${rows.join('')}</table>
${overTime('Throughput', 'a second', [
  { name: 'due', colour: '#8250df', values: seconds.map(({ intended }) => intended) },
  { name: 'accepted', colour: '#0969da', values: seconds.map(({ accepted }) => accepted) },
  { name: 'arrived', colour: '#1a7f37', values: seconds.map(({ arrived }) => arrived) },
])}
${overTime('Worst end-to-end latency of each second', 'ms', [{ name: 'all receivers', colour: '#cf222e', values: seconds.map(({ worstMs }) => worstMs) }])}
${overTime('Backlog: accepted, not seen by a receiver yet', 'changes', [{ name: 'without dead receivers', colour: '#9a6700', values: seconds.map(({ backlog }) => backlog) }])}
${bars(
  '202 → first byte',
  'deliveries up to so many ms',
  histogram.map(({ upToMs, count }) => ({
    label: upToMs < 10 ? upToMs.toFixed(1) : upToMs.toFixed(0),
    value: count,
  })),
)}`;
};
