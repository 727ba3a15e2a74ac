import { decideAccount, evolveAccount, initialAccount } from '../domain/account.ts';
import { evolveClaim, initialClaim } from '../domain/change-claim.ts';
import { decideClient, evolveClient, initialClient } from '../domain/client.ts';
import { decideErasure, evolveErasure, initialErasure } from '../domain/erasure.ts';
import { decideInvocation, evolveInvocation, initialInvocation } from '../domain/invocation.ts';
import { decideJob, evolveJob, initialJob } from '../domain/job.ts';
import { decideResource, evolveResource, initialResource } from '../domain/resource-change.ts';
import type { Rules } from '../domain/rules.ts';
import { decideWebhook, evolveWebhook, initialWebhook } from '../domain/webhook.ts';

export const account = { initial: initialAccount, evolve: evolveAccount, decide: decideAccount };

export const client = { initial: initialClient, evolve: evolveClient, decide: decideClient };

export const webhookUnder = (rules: Rules) => ({
  initial: initialWebhook,
  evolve: evolveWebhook,
  decide: decideWebhook(rules),
});

export const resource = {
  initial: initialResource,
  evolve: evolveResource,
  decide: decideResource,
  foldsFromLastEvent: true,
};

export const invocation = {
  initial: initialInvocation,
  evolve: evolveInvocation,
  decide: decideInvocation,
};

export const job = { initial: initialJob, evolve: evolveJob, decide: decideJob };

export const erasure = { initial: initialErasure, evolve: evolveErasure, decide: decideErasure };

export const claim = { initial: initialClaim, evolve: evolveClaim, foldsFromLastEvent: true };
