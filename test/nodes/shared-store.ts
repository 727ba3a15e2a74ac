import { parseAddress } from '../../src/eventstore/eventstoredb-address.ts';
import { isLeft } from 'fp-ts/lib/Either.js';
import { Double } from '../eventstoredb/double/server.ts';
import { Proxy } from '../eventstoredb/proxy.ts';

/** What the nodes share: the double, or a real server whose process is not ours to stop. */
export class SharedStore {
  readonly url: string;
  readonly double: Double | undefined;

  private constructor(url: string, double: Double | undefined) {
    this.url = url;
    this.double = double;
  }

  static async open(realUrl: string | undefined): Promise<SharedStore> {
    if (realUrl !== undefined) return new SharedStore(realUrl, undefined);
    const double = await new Double().start();
    return new SharedStore(double.url, double);
  }

  /** A node's own way to the store. Undefined where it cannot be led past us: certificates name the hosts. */
  async way(): Promise<{ readonly url: string; readonly proxy: Proxy | undefined }> {
    const address = parseAddress(this.url);
    if (isLeft(address)) throw new Error(address.left);
    const { hosts, discover, tls } = address.right;
    const [host] = hosts;
    if (host === undefined || discover || tls) return { url: this.url, proxy: undefined };
    const proxy = await new Proxy({ host: host.address, port: host.port }).listen();
    return { url: `esdb://127.0.0.1:${proxy.port}?tls=false`, proxy };
  }

  close(): void {
    this.double?.stop();
  }
}
