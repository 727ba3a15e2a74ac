import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, NotReached, type Receipt } from './api.ts';
import { Dice } from '../../../simulator/dice.ts';
import type { CloudEvent } from './evening.ts';

/** A change that the engine has answered for with 202. */
export interface AcceptedChange {
  readonly event: CloudEvent;
  /** The change's guid. */
  readonly change: string;
}

/** Changes sent in one request, and how. */
export interface Message {
  readonly mode: 'structured' | 'binary' | 'batch';
  readonly events: ReadonlyArray<CloudEvent>;
}

const RESEND_AFTER_MS = 100;

/** Cuts an evening into requests: singles in both modes of CloudEvents, and batches, as they come. */
export const messagesOf = (events: ReadonlyArray<CloudEvent>, seed: number): ReadonlyArray<Message> => {
  const dice = new Dice(seed);
  const messages: Message[] = [];
  for (let start = 0; start < events.length;) {
    const size = dice.pick([1, 1, 1, 2, 3, 6]);
    const cut = events.slice(start, start + size);
    messages.push({ events: cut, mode: size > 1 ? 'batch' : dice.pick(['structured', 'binary']) });
    start += size;
  }
  return messages;
};

/**
 * The ticketing platform. It reports one request after the other, and what was not answered with 202 it sends again as
 * it was: the engine knows a change by its id and source.
 */
export class Platform {
  readonly accepted: AcceptedChange[] = [];
  /** Requests that were not answered, and changes whose repetition the engine knew already. */
  unanswered = 0;
  duplicates = 0;
  sending: Message | undefined;
  readonly #api: Api;
  readonly #signal: AbortSignal;

  constructor(api: Api, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  async report(messages: ReadonlyArray<Message>, pauseMs: number): Promise<void> {
    for (const message of messages) {
      const receipts = await this.#send(message);
      for (const [index, event] of message.events.entries()) {
        const receipt = receipts[index];
        if (receipt?.id !== event.id) throw new Error(`the receipt for ${event.id} is missing`);
        if (receipt.status === 'duplicate') this.duplicates += 1;
        this.accepted.push({ event, change: receipt.change });
      }
      await sleep(pauseMs, undefined, { signal: this.#signal });
    }
  }

  async #send(message: Message): Promise<ReadonlyArray<Receipt>> {
    for (;;) {
      try {
        this.sending = message;
        return await this.#api.reportChanges(...inHttp(message));
      } catch (error) {
        if (!(error instanceof NotReached)) throw error;
        this.unanswered += 1;
        await sleep(RESEND_AFTER_MS, undefined, { signal: this.#signal });
      } finally {
        this.sending = undefined;
      }
    }
  }
}

/** Source: CloudEvents 1.0.2, HTTP protocol binding. Our attributes are plain ASCII and need no escaping. */
const inHttp = ({ mode, events }: Message): [headers: Readonly<Record<string, string>>, body: string] => {
  const [first] = events;
  if (first === undefined) throw new Error('a request without changes');
  switch (mode) {
    case 'batch':
      return [{ 'Content-Type': 'application/cloudevents-batch+json' }, JSON.stringify(events)];
    case 'structured':
      return [{ 'Content-Type': 'application/cloudevents+json' }, JSON.stringify(first)];
    case 'binary': {
      const { data, datacontenttype, ...attributes } = first;
      const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value] as const);
      return [{ ...Object.fromEntries(headers), 'Content-Type': datacontenttype }, JSON.stringify(data)];
    }
  }
};
