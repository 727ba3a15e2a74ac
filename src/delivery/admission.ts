import type { Cause } from '../domain/events.ts';
import type { InvocationScheduled } from '../domain/invocation.ts';
import type { Head } from '../eventstore/decoded.ts';
import type { Appended, StreamAppend } from '../eventstore/event-store.ts';
import type { SendRequest } from '../ports/http-sender.ts';
import type { HeldInvocation } from './attempt.ts';
import type { Slot } from './fair-queue.ts';

/** What the fan-out and the deliveries tell each other about first attempts. */

/** An invocation that is about to be scheduled: what the first attempt may be started with in the same append. */
export interface Scheduling {
  readonly scheduled: InvocationScheduled;
  readonly stream: string;
  readonly append: StreamAppend;
  readonly head: Head;
  readonly cause: Cause;
  /** Set when the append starts the first attempt too. */
  readonly reservation?: Reservation;
}

/** A first attempt that is being appended together with its scheduling. */
export interface Reservation {
  readonly slot: Slot;
  readonly held: HeldInvocation;
  readonly request: SendRequest;
  readonly webhookRevision: number;
  readonly endpoint: string;
  readonly node: string | undefined;
  /** False once it was handed over to be made, or the slot given back: whichever happens, it happens once. */
  isOpen: boolean;
}

/** May join the first attempt to the append, and takes over what was stored. */
export interface Admission {
  /** Before `admit`: resolves when what it needs to know of the webhook is in memory; undefined when it is there. */
  acquaint(webhook: string): Promise<void> | undefined;
  /** Before the append: the same scheduling, or one whose append starts the first attempt too. */
  admit(scheduling: Scheduling): Scheduling;
  /** Right before it, after all waiting: false, the attempt must not start after all, and what was admitted is given back. */
  stands(scheduling: Scheduling): boolean;
  /** After it, in the same order: durable at this place, or not written by us (`undefined`). */
  scheduled(scheduling: Scheduling, appended: Appended | undefined): void;
  /** Whether to plan on. Where not, what is planned is appended first, unless it is very little. */
  hasRoom(): boolean;
  /** Between two appends: resolves when more can be admitted, or soon in any case. */
  room(): Promise<void>;
}

export const noAdmission: Admission = {
  acquaint: () => undefined,
  admit: (scheduling) => scheduling,
  stands: () => true,
  scheduled: () => undefined,
  hasRoom: () => true,
  room: () => Promise.resolve(),
};
