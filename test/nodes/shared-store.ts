import { parseAddress } from '../../src/eventstore/eventstoredb-address.ts';
import { isLeft } from 'fp-ts/lib/Either.js';
import { Double } from '../eventstoredb/double/server.ts';
import { Proxy } from '../eventstoredb/proxy.ts';
import { type Reached, realServer } from '../eventstoredb/real.ts';

/** What the nodes share: the double, or a real server whose process is not ours to stop. */
export class SharedStore {
  readonly reached: Reached;
  readonly double: Double | undefined;

  private constructor(reached: Reached, double: Double | undefined) {
    this.reached = reached;
    this.double = double;
  }

  /** `ESDB_URL` names a real one. */
  static async open(): Promise<SharedStore> {
    const real = realServer();
    if (real !== undefined) return new SharedStore(real, undefined);
    const double = await new Double().start();
    return new SharedStore({ url: double.url, login: { user: null, certificate: null } }, double);
  }

  /** Whether what happens between nodes and store, or to the store, can be made to happen. */
  get isInReach(): boolean {
    return this.double !== undefined || this.#host() !== undefined;
  }

  /** A node's own way to the store. Undefined where it cannot be led past us: certificates name the hosts. */
  async way(): Promise<{ readonly reached: Reached; readonly proxy: Proxy | undefined }> {
    const { url, login } = this.reached;
    const host = this.#host();
    if (host === undefined) return { reached: { url, login }, proxy: undefined };
    const proxy = await new Proxy({ host: host.address, port: host.port }).listen();
    return { reached: { url: `esdb://127.0.0.1:${proxy.port}?tls=false`, login }, proxy };
  }

  #host(): { readonly address: string; readonly port: number } | undefined {
    const address = parseAddress(this.reached.url);
    if (isLeft(address)) throw new Error(address.left);
    const { hosts, discover, tls } = address.right;
    return discover || tls ? undefined : hosts[0];
  }

  close(): void {
    this.double?.stop();
  }
}
