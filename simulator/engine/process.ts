import { Accounts } from '../../src/commands/accounts.ts';
import { ChangeClaims } from '../../src/commands/change-claims.ts';
import type { InvocationDeps } from '../../src/commands/invocations.ts';
import { ChangeIntake } from '../../src/commands/report-changes.ts';
import { Webhooks } from '../../src/commands/webhooks.ts';
import { newNonce, newWebhookSecret, type SecretBox } from '../../src/adapters/secret-box.ts';
import { RequestBuilder } from '../../src/delivery/attempt.ts';
import { Engine } from '../../src/delivery/engine.ts';
import type { QueueLimits } from '../../src/delivery/fair-queue.ts';
import { Membership } from '../../src/delivery/membership.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HttpSender } from '../../src/ports/http-sender.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Random } from '../../src/ports/random.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';

/** Everything impure that one process of the product holds. */
export interface Ports {
  readonly store: EventStore;
  /** What the intake writes to: the same store, unless a planted bug says otherwise. */
  readonly intakeStore: EventStore;
  readonly readModels: ReadModels;
  readonly sender: HttpSender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where others may use the same store. */
  readonly sharing?: SharingPort;
}

/** What `src/sharing.ts` makes of the data folder and of the memory that the sending thread reads. */
export interface SharingPort {
  /** Of the data folder. */
  readonly name: string;
  readonly leaseMs: number;
  /** Nothing is sent once the process's monotonic clock says so. */
  readonly onLease: (untilMs: number) => void;
}

export interface ProcessSettings {
  readonly box: SecretBox;
  readonly limits: QueueLimits;
  readonly changeUnitsMax: number;
  readonly timeoutMs: number;
  readonly defaultRetryBaseMs: number;
  readonly onDefect: (error: unknown) => void;
  readonly makeWebhooks?: (deps: ConstructorParameters<typeof Webhooks>[0]) => Webhooks;
  readonly makeMembership?: (deps: ConstructorParameters<typeof Membership>[0]) => Membership;
  readonly makeClaims?: (deps: ConstructorParameters<typeof ChangeClaims>[0]) => ChangeClaims;
}

export interface Product {
  readonly engine: Engine;
  readonly accounts: Accounts;
  readonly webhooks: Webhooks;
  readonly intake: ChangeIntake;
  readonly invocations: InvocationDeps;
}

/** The product, put together as src/main.ts does it, from the commands inwards. */
export const assemble = (ports: Ports, settings: ProcessSettings): Product => {
  const { store, intakeStore, readModels, sender, clock, random, log, sharing } = ports;
  const { box, limits, changeUnitsMax, timeoutMs, defaultRetryBaseMs, onDefect } = settings;
  const rules = BUILT_IN_RULES;
  const accounts = new Accounts({ store, random, clock });
  const makeWebhooks = settings.makeWebhooks ?? ((deps) => new Webhooks(deps));
  const webhooks = makeWebhooks({
    accounts,
    store,
    random,
    clock,
    rules,
    secrets: {
      newSealedSecret: () => box.seal(newWebhookSecret(random)),
      newNonce: () => newNonce(random),
    },
  });
  const makeMembership = settings.makeMembership ?? ((deps) => new Membership(deps));
  const makeClaims = settings.makeClaims ?? ((deps) => new ChangeClaims(deps));
  const membership =
    sharing === undefined
      ? undefined
      : makeMembership({
          store,
          clock,
          random,
          log,
          identity: { name: sharing.name, url: `http://${sharing.name}.example`, version: 'simulated' },
          leaseMs: sharing.leaseMs,
          onLease: sharing.onLease,
          // Requests leave at once: none is between being sent and its first byte.
          onFenced: () => undefined,
          onDefect,
        });
  const intake = new ChangeIntake({
    store: intakeStore,
    clock,
    changes: readModels,
    caughtUp: (): Promise<boolean> => engine.caughtUp(),
    openAccount: (companyId, cause) => accounts.open(companyId, cause),
    isStrict: (companyId) => accounts.isStrict(companyId),
    rules,
    ...(membership !== undefined && { claims: makeClaims({ store: intakeStore, clock, random }) }),
  });
  const engine = new Engine({
    store,
    accounts,
    readModels,
    webhooks,
    intake,
    requests: new RequestBuilder({
      openSecret: (sealed) => box.open(sealed),
      version: 'simulated',
      timeoutMs,
    }),
    sender,
    rules,
    defaultRetryBaseMs,
    limits,
    changeUnitsMax,
    clock,
    random,
    log,
    ...(membership !== undefined && { membership }),
    onDefect,
  });
  const invocations = { store, random, clock, webhooks, dueList: readModels, defaultRetryBaseMs };
  return { engine, accounts, webhooks, intake, invocations };
};
