import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `silent`: nothing goes through and nothing breaks, as with a lost network; `closed`: whoever connects is thrown out. */
export type ProxyMode = 'open' | 'silent' | 'closed';

/** Stands between one client and the database, so that the way of one node alone can be slow, silent or gone. */
export class Proxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'open';
  /** How long every piece of data is on its way, each direction. */
  delayMs = 0;
  port = 0;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#take(client));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  set mode(mode: ProxyMode) {
    this.#mode = mode;
    if (mode === 'closed') this.cut();
    for (const pair of this.#pairs) pair.flow(mode === 'open');
  }

  /** Breaks what is connected. */
  cut(): void {
    for (const { ends } of this.#pairs) for (const end of ends) end.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #take(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#mode === 'closed') return void client.destroy();
    const pair = new Pair(client, connect(this.#target), () => this.delayMs);
    this.#pairs.add(pair);
    pair.flow(this.#mode === 'open');
    client.once('close', () => this.#pairs.delete(pair));
  }
}

/** One connection on both sides. */
class Pair {
  readonly ends: readonly [Socket, Socket];
  #open: Promise<void> = Promise.resolve();
  #openNow: () => void = () => undefined;
  #flowing = true;

  constructor(client: Socket, upstream: Socket, delayMs: () => number) {
    this.ends = [client, upstream];
    this.#pass(client, upstream, delayMs);
    this.#pass(upstream, client, delayMs);
  }

  flow(flowing: boolean): void {
    if (flowing === this.#flowing) return;
    this.#flowing = flowing;
    if (flowing) this.#openNow();
    else this.#open = new Promise((resolve) => (this.#openNow = resolve));
  }

  /** In order; what comes while it is silent goes on when it is open again. */
  #pass(from: Socket, to: Socket, delayMs: () => number): void {
    let passed = Promise.resolve();
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.on('data', (chunk) => {
      const delay = delayMs();
      const arrived = delay > 0 ? new Promise<void>((resolve) => setTimeout(resolve, delay)) : undefined;
      passed = passed.then(async () => {
        await arrived;
        await this.#open;
        if (!to.destroyed) to.write(chunk);
      });
    });
  }
}
