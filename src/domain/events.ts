import type { AccountEvent } from './account.ts';
import type { ClientEvent } from './client.ts';
import type { ClaimEvent } from './change-claim.ts';
import type { ClusterEvent } from './cluster.ts';
import type { ErasureEvent } from './erasure.ts';
import type { InvocationEvent } from './invocation.ts';
import type { JobEvent } from './job.ts';
import type { ResourceChange } from './resource-change.ts';
import type { SealEvent } from './seal.ts';
import type { WebhookEvent } from './webhook.ts';

/** Everything that can stand in the log. */
export type DomainEvent =
  | AccountEvent
  | ClientEvent
  | WebhookEvent
  | ResourceChange
  | InvocationEvent
  | JobEvent
  | ErasureEvent
  | ClaimEvent
  | ClusterEvent
  | SealEvent;

/** Who and what caused an event. */
export interface Cause {
  /** Groups all that followed from one report or request. */
  readonly correlationId: string;
  /** Id of the event or request that led to this one. */
  readonly causationId: string;
  /** A token's subject, or a part of the engine such as `engine:fan-out`. */
  readonly actor: string;
  readonly companyId: string;
}
