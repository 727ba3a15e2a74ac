import { Lru } from '../../domain/lru.ts';
import type { HttpDeps } from '../deps.ts';

export const LINK_MS = 5 * 60 * 1000;
const LINKS_MAX = 1_000;

/**
 * Links that sign in once. The code is random and means nothing: what it stands for is known to this process alone, so it
 * is worth nothing after five minutes, after it was used, or after a restart.
 */
export class SignInLinks {
  readonly #deps: Pick<HttpDeps, 'random' | 'clock'>;
  readonly #tokens = new Lru<string, { readonly token: string; readonly untilMs: number }>(LINKS_MAX);

  constructor(deps: Pick<HttpDeps, 'random' | 'clock'>) {
    this.#deps = deps;
  }

  make(token: string): { readonly code: string; readonly untilMs: number } {
    const code = this.#deps.random.uuid();
    const untilMs = this.#deps.clock.nowMs() + LINK_MS;
    this.#tokens.set(code, { token, untilMs });
    return { code, untilMs };
  }

  isGood(code: string): boolean {
    const known = this.#tokens.get(code);
    return known !== undefined && this.#deps.clock.nowMs() < known.untilMs;
  }

  /** The token, once. */
  redeem(code: string): string | undefined {
    const good = this.isGood(code);
    const token = this.#tokens.get(code)?.token;
    this.#tokens.delete(code);
    return good ? token : undefined;
  }
}
