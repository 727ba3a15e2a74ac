import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { EngineProcess } from './demo/engine-process.ts';
import { Receivers } from './demo/receivers.ts';
import { Screen } from './demo/screen.ts';
import { playEvening } from './demo/story.ts';

const HELP = `callboard demo [--keep]

Plays a festival night in half a minute, all on this machine and over real HTTP: a ticketing platform reports some
hundred changes, eight webhooks at a good, a flaky and a slow receiver are told, and in the middle of it the engine is
killed with kill -9 and started again. In the end the platform's receipts, the engine's log and the receivers' logs are
compared; exit 1 if anything was lost or doubled. Ctrl-C ends it at any time; nothing is left behind. With
CALLBOARD_STORE=esdb://… the engine's store is that EventStoreDB, which has to be an empty one and keeps the evening.

  --keep   goes on afterwards with a stream of orders until Ctrl-C, so that one can look around in the dashboard
`;

/** As shells tell it: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const demo: Command = {
  summary: 'show the main job end to end, self-contained',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, { keep: { type: 'boolean', default: false } });
    if (isLeft(options)) return misused(options.left, HELP);

    const ending = new AbortController();
    const stop = (): void => ending.abort(new Interrupted());
    for (const signal of SIGNALS) process.on(signal, stop);
    // Whoever read along has gone, for example `| head`.
    process.stdout.on('error', stop);
    try {
      return (await play(ending, options.right.values.keep)) ? EXIT_OK : EXIT_FINDINGS;
    } catch (error) {
      const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
      if (reason instanceof Interrupted) return EXIT_INTERRUPTED;
      return failed(reason instanceof Error ? reason.message : String(reason));
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
    }
  },
};

class Interrupted extends Error {}

/** Whatever happens, no process and no file of the demo is left behind. */
const play = async (ending: AbortController, keep: boolean): Promise<boolean> => {
  const screen = new Screen();
  const fail = (error: unknown): void => ending.abort(error);
  const engines: EngineProcess[] = [];
  const cleanups: Array<() => Promise<unknown>> = [];
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'callboard-demo-'));
    cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
    const receivers = await Receivers.start(fail);
    cleanups.push(() => receivers.stop());
    const startEngine = async (port: number): Promise<EngineProcess> => {
      const engine = await EngineProcess.start({ dataDir, port, onLost: fail });
      engines.push(engine);
      cleanups.push(() => engine.kill());
      return engine;
    };
    return await playEvening({ screen, dataDir, keep, receivers, signal: ending.signal, startEngine }, fail);
  } catch (error) {
    if (ending.signal.reason instanceof Interrupted) throw error;
    // Politely, so that the log is whole.
    await Promise.all(engines.map((engine) => engine.stop()));
    const complaints = engines.map((engine) => engine.complaints).join('');
    if (complaints !== '') process.stderr.write(`The engine's log has errors:\n${complaints}\n`);
    throw error;
  } finally {
    screen.endProgress();
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
};
