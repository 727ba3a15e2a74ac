import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerAccess } from '../../../simulator/load/platform-api.ts';
import { Receivers } from '../../../simulator/load/receivers.ts';
import { run, type RunResult, type RunSettings } from '../../../simulator/load/run.ts';
import type { Progress } from '../../../simulator/sending/progress.ts';
import { callboard, EngineProcess } from '../demo/engine-process.ts';

/** What a preset does while a run is measured; it may kill the server. */
export type During = (server: Restartable) => Promise<void>;

export interface Restartable {
  /** kill -9, and a start on the same folder and port. Answers how long it took until it was ready. */
  restart(): Promise<number>;
}

/** Receivers, and a server: the one that was named, or one of our own on a temporary folder. */
export class Stage implements Restartable {
  readonly #progress: Progress;
  readonly #ending: AbortController;
  readonly #cleanups: Array<() => Promise<unknown>> = [];
  #receivers: Receivers | undefined;
  #access: ServerAccess = { url: '', token: '' };
  #engine: EngineProcess | undefined;
  #dataDir = '';

  private constructor(progress: Progress, ending: AbortController) {
    this.#progress = progress;
    this.#ending = ending;
  }

  static async open(
    to: ServerAccess | undefined,
    progress: Progress,
    ending: AbortController,
  ): Promise<Stage> {
    const stage = new Stage(progress, ending);
    try {
      const receivers = await Receivers.start();
      stage.#receivers = receivers;
      stage.#cleanups.push(() => receivers.stop());
      if (to === undefined) await stage.#startOwn();
      else stage.#access = to;
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async #startOwn(): Promise<void> {
    this.#dataDir = await mkdtemp(join(tmpdir(), 'callboard-load-'));
    this.#cleanups.push(() => rm(this.#dataDir, { recursive: true, force: true }));
    this.#cleanups.push(async () => this.#engine?.kill());
    const engine = await this.#startEngine(0);
    this.#access = { url: engine.url, token: await callboard(this.#dataDir, 'token', '--role', 'admin') };
  }

  async #startEngine(port: number): Promise<EngineProcess> {
    const onLost = (error: Error): void => this.#ending.abort(error);
    const engine = await EngineProcess.start({ dataDir: this.#dataDir, port, onLost });
    this.#engine = engine;
    await engine.ready(this.#ending.signal);
    return engine;
  }

  async run(name: string, settings: RunSettings, during: During | undefined): Promise<RunResult> {
    const receivers = this.#receivers as Receivers;
    const result = await run(settings, {
      access: this.#access,
      receivers,
      signal: this.#ending.signal,
      onProgress: (share, measure) => {
        const { ingest, acceptedToFirstByte } = measure.histograms;
        const p99 = (acceptedToFirstByte.getValueAtPercentile(99) / 1_000).toFixed(1);
        this.#progress.show(
          share,
          () =>
            `${name}: ${measure.changes} changes, backlog ${measure.backlog}, 202 p99 ` +
            `${(ingest.getValueAtPercentile(99) / 1_000).toFixed(1)} ms, first byte p99 ${p99} ms`,
        );
      },
      during: during === undefined ? undefined : () => during(this),
    });
    this.#progress.end();
    return result;
  }

  async restart(): Promise<number> {
    const engine = this.#engine;
    if (engine === undefined) throw new Error('only a server of our own is killed');
    await engine.kill();
    const startedMs = performance.now();
    await this.#startEngine(engine.port);
    return performance.now() - startedMs;
  }

  /** Whatever happened, no process and no file is left behind. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}
