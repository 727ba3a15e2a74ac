import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { tie } from '../support/worker.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** Writes ready-made lines of the same length: what the pipe and its reader take. */
const BARE = `const line = 'x'.repeat(Number(process.argv[1]) - 1) + '\\n';
const chunk = line.repeat(48);
for (let left = Number(process.argv[2]); left > 0; left -= 48) {
  if (!process.stdout.write(chunk)) await new Promise((go) => process.stdout.once('drain', go));
}`;
const PRESET = 'festival-on-sale';

/** `callboard orders` into a pipe, from the first byte to the last, and its memory. */
export const orders: Figure = {
  name: 'orders',
  async measure(bench) {
    const { streamedOrders: count, longRuns } = bench.size;
    let bytesPerChange = 0;
    let changes = 0;
    const streamed = await interleaved(
      longRuns,
      {
        callboard: async () => {
          const made = await drain([MAIN, 'orders', '--count', String(count), '--preset', PRESET]);
          ({ changes } = made);
          bytesPerChange = Math.round(made.bytes / made.changes);
          return made;
        },
        bare: () => drain(['--input-type=module', '-e', BARE, String(bytesPerChange), String(changes)]),
      },
      (run, side, { perSecond, rssMaxMb }) =>
        bench.progress(`run ${run}, ${side}: ${Math.round(perSecond)} per s, ${Math.round(rssMaxMb)} MB`),
    );
    const orderCount = count.toLocaleString('en-US');
    return [
      {
        figure: `Changes generated, ${orderCount} orders of ${PRESET} as JSON lines into a pipe`,
        unit: 'per s',
        runs: streamed.callboard.map(({ perSecond }) => perSecond),
        baseline: {
          name: 'ready-made lines',
          unit: 'per s',
          runs: streamed.bare.map(({ perSecond }) => perSecond),
        },
        goal: { of: 'value', atLeast: 100_000 },
      },
      {
        figure: '… the most memory (RSS) there ever was',
        unit: 'MB',
        runs: streamed.callboard.map(({ rssMaxMb }) => rssMaxMb),
        baseline: {
          name: 'ready-made lines',
          unit: 'MB',
          runs: streamed.bare.map(({ rssMaxMb }) => rssMaxMb),
        },
        goal: { of: 'value', atMost: 200 },
      },
    ];
  },
};

interface Drained {
  readonly perSecond: number;
  readonly rssMaxMb: number;
  readonly changes: number;
  readonly bytes: number;
}

const RSS_EVERY_MS = 100;
const LINE_BREAK = 10;

const drain = async (args: ReadonlyArray<string>): Promise<Drained> => {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  tie(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let [changes, bytes, firstMs, lastMs, rssMaxMb] = [0, 0, 0, 0, 0];
  const look = (): void => {
    rssMaxMb = Math.max(rssMaxMb, rssMaxOf(child.pid));
  };
  const looking = setInterval(look, RSS_EVERY_MS);
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    lastMs = performance.now();
    if (firstMs === 0) {
      firstMs = lastMs;
      look();
    }
    bytes += chunk.byteLength;
    for (let at = chunk.indexOf(LINE_BREAK); at !== -1; at = chunk.indexOf(LINE_BREAK, at + 1)) changes += 1;
  }
  clearInterval(looking);
  const code = await ended;
  if (code !== 0) throw new Error(`${args.slice(0, 2).join(' ')} ended with code ${String(code)}`);
  return { perSecond: (changes * 1_000) / Math.max(1, lastMs - firstMs), rssMaxMb, changes, bytes };
};

/** The kernel's own account; there is one on Linux only. Nothing once the process has ended. */
const rssMaxOf = (pid: number | undefined): number => {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    return (Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch (_ended) {
    return 0;
  }
};
