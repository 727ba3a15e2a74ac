import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
import type { SystemEvent } from '../../src/domain/webhook.ts';

/**
 * A small world as plain data: who subscribes, and what is reported one after the other. Everything a property needs to
 * know is in here, so a world can be printed, kept, and played again.
 */
export interface World {
  /** All are there before the first step, in the order of their creation. */
  readonly webhooks: ReadonlyArray<Webhook>;
  readonly steps: ReadonlyArray<Step>;
}

export interface OpenTicketWebhook {
  readonly dialect: 'openticket';
  /** Unique in its world. */
  readonly name: string;
  readonly company: string;
  readonly resource: Resource;
  readonly trigger: Trigger;
  /** '' means any. */
  readonly identifier: string;
  readonly byChildren: boolean;
}

export interface MoshtixWebhook {
  readonly dialect: 'moshtix';
  readonly name: string;
  readonly company: string;
  readonly systemEvents: ReadonlyArray<SystemEvent>;
}

export type Webhook = OpenTicketWebhook | MoshtixWebhook;

/** The platform reports a change. */
export interface Report {
  readonly step: 'report';
  readonly company: string;
  /** As in `POST /changes`: `ticket.update`, `order.sold`. */
  readonly type: string;
  readonly ref: ResourceRef;
  /** What it says the resource belongs to; absent when it says nothing of it. */
  readonly relations?: ReadonlyArray<ResourceRef>;
  /** What an order's data names; absent when it names neither. */
  readonly order?: OrderData;
}

export interface OrderData {
  readonly event?: string;
  readonly ticketTypes: ReadonlyArray<string>;
}

/** A webhook's owner switches or deletes it, or turns it to something else. */
export interface WebhookStep {
  readonly step: 'disable' | 'enable' | 'delete';
  readonly webhook: string;
}
export interface RetargetStep {
  readonly step: 'retarget';
  readonly webhook: string;
  readonly to: Partial<Pick<OpenTicketWebhook, 'resource' | 'trigger' | 'identifier' | 'byChildren'>>;
}

export type Step = Report | WebhookStep | RetargetStep;

/** The child belongs to the parent. */
export interface Relation {
  readonly child: ResourceRef;
  readonly parent: ResourceRef;
}

/** One webhook that is told of one change. */
export interface Told {
  readonly webhook: string;
  /** What it subscribed to and now fires. */
  readonly by: Trigger | SystemEvent;
  /** Through which resources, nearest first, each with a way to it from the changed one, both ends included. */
  readonly matched: ReadonlyArray<{
    readonly ref: ResourceRef;
    readonly path: ReadonlyArray<ResourceRef>;
  }>;
}

/** Who is told of the report at this place among the steps. */
export interface Heard {
  readonly step: number;
  readonly told: ReadonlyArray<Told>;
}

export const isReport = (step: Step): step is Report => step.step === 'report';

export const refText = ({ resource, identifier }: ResourceRef): string => `${resource}:${identifier}`;

/** Every pair of child and parent that a graph of `relations` names, once. */
export const resourcesIn = (relations: ReadonlyArray<Relation>): ReadonlyArray<ResourceRef> => [
  ...new Map(
    relations.flatMap(({ child, parent }) => [child, parent]).map((ref) => [refText(ref), ref]),
  ).values(),
];
