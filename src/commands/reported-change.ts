import { changeGuid } from '../domain/ids.ts';
import type { Json } from '../domain/json.ts';
import type { Contradiction } from '../domain/order-contradiction.ts';
import type { ChangeEventType } from '../domain/resource-change.ts';
import type { Resource, ResourceRef, Trigger } from '../domain/resources.ts';
import type { StoreFailure } from '../eventstore/transact.ts';

/** One change as the platform reported it, already checked. */
export interface ReportedChange {
  readonly companyId: string;
  readonly changeType: string;
  readonly eventType: ChangeEventType;
  readonly resource: Resource;
  readonly identifier: string;
  readonly triggers: ReadonlyArray<Trigger>;
  readonly source: string;
  readonly id: string;
  /** Null when the report does not say: then it occurred when it was recorded. */
  readonly occurredAtMs: number | null;
  readonly data: Json;
  /** Undefined when the report says nothing of relations. */
  readonly declared: ReadonlyArray<ResourceRef> | undefined;
}

export interface ChangeReceipt {
  readonly id: string;
  readonly source: string;
  readonly change: string;
  readonly status: 'accepted' | 'duplicate';
}

/** A contradiction, and which change of the batch it is in. */
export interface PlacedContradiction extends Contradiction {
  readonly index: number;
}

export type ReportFailure =
  /** The same company, source and id were reported with other content. Nothing of the batch was stored. */
  | { readonly _tag: 'ChangeConflict'; readonly index: number; readonly id: string; readonly source: string }
  /** A strict account's reports contradict what is known of its orders. Nothing of the batch was stored. */
  | { readonly _tag: 'ReportsContradict'; readonly contradictions: ReadonlyArray<PlacedContradiction> }
  | StoreFailure;

export const guidOf = ({ companyId, source, id }: ReportedChange): string =>
  changeGuid(companyId, source, id);
