import { Lru } from '../../domain/lru.ts';
import type { Clock } from '../../ports/clock.ts';

/** Tries that fail one after the other before one has to wait. */
export const FAILURES_MAX = 20;
/** So often one more is allowed. */
export const ONE_MORE_MS = 3_000;
const ADDRESSES_MAX = 10_000;

/**
 * How often somebody may fail to sign in. Tokens and codes cannot be guessed in any case; this keeps who tries from costing much,
 * and shows. By the address that the connection comes from: behind a proxy all who come by it share one, so a link that
 * signs in is never held up.
 */
export class SignInLimit {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** When all failures of an address are forgotten. */
  readonly #freeAtMs = new Lru<string, number>(ADDRESSES_MAX);

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Seconds until this address may try again; 0: now. */
  waitSeconds(address: string | undefined): number {
    const over = this.#debtMs(address) - (FAILURES_MAX - 1) * ONE_MORE_MS;
    return Math.max(0, Math.ceil(over / 1000));
  }

  failed(address: string | undefined): void {
    this.#freeAtMs.set(keyOf(address), this.#clock.monotonicMs() + this.#debtMs(address) + ONE_MORE_MS);
  }

  #debtMs(address: string | undefined): number {
    return Math.max(0, (this.#freeAtMs.get(keyOf(address)) ?? 0) - this.#clock.monotonicMs());
  }
}

/** One customer of an IPv6 provider has a whole /64. */
const keyOf = (address = ''): string =>
  address.includes(':') && !address.includes('.') ? expanded(address).slice(0, 4).join(':') : address;

const GROUPS = 8;

const expanded = (address: string): ReadonlyArray<string> => {
  const [before = '', after] = address.split('::');
  const groups = (text: string): ReadonlyArray<string> => (text === '' ? [] : text.split(':'));
  if (after === undefined) return groups(before);
  const [first, last] = [groups(before), groups(after)];
  return [
    ...first,
    ...new Array<string>(Math.max(0, GROUPS - first.length - last.length)).fill('0'),
    ...last,
  ];
};
