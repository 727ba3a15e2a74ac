import type { HttpDeps } from '../deps.ts';
import type { OpenCall } from '../routing.ts';
import { settledSoon } from '../settled.ts';
import { orRefuse, Refusal } from './refusal.ts';

/** What all resolvers of one request share. */
export class RequestContext {
  readonly call: OpenCall;
  readonly #deps: Pick<HttpDeps, 'settled' | 'clock'>;
  #late = false;
  #turn: Promise<unknown> = Promise.resolve();
  #settled: Promise<void> | undefined;

  constructor(deps: Pick<HttpDeps, 'settled' | 'clock'>, call: OpenCall) {
    this.#deps = deps;
    this.call = call;
  }

  /** The answer has been given: nothing more is begun. */
  endLate(): void {
    this.#late = true;
  }

  /** To be asked before each piece of work. */
  goOn(): void {
    if (this.#late) throw new Refusal('The request ran out of time.', { code: 'store-not-available' });
  }

  /** Writes of one request happen in the order in which they stand there. GraphQL itself promises that to `viewer` only. */
  inTurn<T>(write: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      this.goOn();
      try {
        return await write();
      } finally {
        this.#settled = undefined;
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Resolves when the read models show everything that was written, by this request too. */
  settled(): Promise<void> {
    this.goOn();
    this.#settled ??= settledSoon(this.#deps).then(orRefuse);
    return this.#settled;
  }
}
