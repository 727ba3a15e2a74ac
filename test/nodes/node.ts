import { Api } from '../kill/api.ts';
import { storeSettings } from '../kill/database-store.ts';
import { ServerProcess } from '../kill/server-process.ts';
import { sleep } from '../kill/receiver.ts';
import { promised, Violation } from '../kill/violation.ts';
import type { Proxy } from '../eventstoredb/proxy.ts';
import type { Reached } from '../eventstoredb/real.ts';

/** As `GET /nodes` tells it. */
export interface Listed {
  readonly node: string;
  readonly url: string;
  readonly this_node: boolean;
  readonly leaving: boolean;
  readonly partition_ids: ReadonlyArray<number>;
  readonly in_flight: number;
  readonly behind: number;
  readonly handled_up_to: number;
  readonly read_up_to: number;
}

export interface NodeSettings {
  readonly name: string;
  readonly dataDir: string;
  readonly reached: Reached;
  readonly proxy: Proxy | undefined;
  readonly leaseMs: number;
  readonly token: string;
}

const WAIT_MS = 90_000;
const LOOK_MS = 100;

/** One of the nodes: a data folder, and the process that runs on it now. */
export class Node {
  readonly settings: NodeSettings;
  url = '';
  /** It can be asked and should answer. */
  up = false;
  #server: ServerProcess | undefined;
  #api: Api | undefined;

  constructor(settings: NodeSettings) {
    this.settings = settings;
  }

  get server(): ServerProcess {
    if (this.#server === undefined) throw new Error(`${this.settings.name} was never started`);
    return this.#server;
  }

  get api(): Api {
    if (this.#api === undefined) throw new Error(`${this.settings.name} was never started`);
    return this.#api;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const { dataDir, reached, leaseMs, token } = this.settings;
    const server = new ServerProcess(dataDir, {
      ...storeSettings(reached),
      CALLBOARD_LEASE_MS: String(leaseMs),
    });
    this.#server = server;
    this.url = await server.wait('listening', server.listening);
    await this.#api?.close();
    this.#api = new Api(this.url, token);
    await server.wait('ready', server.ready);
    this.up = true;
  }

  async kill(): Promise<void> {
    this.up = false;
    await this.server.kill();
  }

  /** Politely. Answers how long it took. */
  async stop(): Promise<number> {
    this.up = false;
    const startedMs = performance.now();
    await this.server.stop();
    return performance.now() - startedMs;
  }

  async nodes(): Promise<ReadonlyArray<Listed>> {
    return (await this.api.call<{ readonly items: ReadonlyArray<Listed> }>('GET', '/nodes')).items;
  }

  async discard(): Promise<void> {
    await this.#server?.discard();
    await this.#api?.close().catch(() => undefined);
    this.settings.proxy?.close();
  }
}

/** Asks until it is so. */
export const until = async (
  what: string,
  isSo: () => Promise<boolean>,
  withinMs = WAIT_MS,
): Promise<void> => {
  const startedMs = performance.now();
  let last = '';
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      if (error instanceof Violation && error.message.startsWith('GET')) last = error.message;
      else if (error instanceof Violation) throw error;
      else last = error instanceof Error ? error.message : String(error);
    }
    promised(
      performance.now() - startedMs < withinMs,
      () => `${what}: not within ${withinMs / 1000} s ${last}`,
    );
    await sleep(LOOK_MS);
  }
};
