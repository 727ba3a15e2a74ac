import type { WebhookSnapshot } from '../commands/webhooks.ts';
import type { Log } from '../ports/log.ts';
import type { RequestBuilder } from './attempt.ts';

/**
 * Whether a webhook's requests can be signed. What cannot be signed stays in the due list; the backlog asks again after
 * a while, and the operator hears of it once.
 */
export class Signable {
  readonly #requests: Pick<RequestBuilder, 'canSign'>;
  readonly #log: Log;
  /** Webhooks whose secret could not be opened when it was last asked for. */
  readonly #unsigned = new Set<string>();

  constructor(requests: Pick<RequestBuilder, 'canSign'>, log: Log) {
    this.#requests = requests;
    this.#log = log;
  }

  /** True, too, for a webhook to which nothing will be sent: its invocations are cancelled. */
  check(snapshot: WebhookSnapshot): boolean {
    const { facts } = snapshot.webhook;
    if (snapshot.webhook.situation !== 'enabled' || this.#requests.canSign(facts)) {
      this.#unsigned.delete(facts.guid);
      return true;
    }
    if (!this.#unsigned.has(facts.guid)) {
      this.#unsigned.add(facts.guid);
      this.#log.error(
        { webhook: facts.guid },
        'nothing is sent to this webhook: its secret cannot be opened; rotate the secret',
      );
    }
    return false;
  }
}
