import { join } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { nodeName } from './adapters/node-name.ts';
import { sharedLease } from './adapters/shared-lease.ts';
import type { Config } from './config.ts';
import type { Engine } from './delivery/engine.ts';
import { Membership } from './delivery/membership.ts';
import { partitionsOf } from './domain/cluster.ts';
import { differencesTo, type NodeSettings, nodeSettings } from './domain/node-settings.ts';
import { PARTITIONS } from './domain/partitions.ts';
import type { Rules } from './domain/rules.ts';
import type { EventStore } from './eventstore/event-store.ts';
import { acquireLock } from './eventstore/sqlite-lock.ts';
import type { NodeStatus } from './http/deps.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { Random } from './ports/random.ts';
import { VERSION } from './version.ts';

/** What a process needs to share its store with others. */
export interface Sharing {
  /** What it was given of what must be equal everywhere. */
  readonly settings: NodeSettings;
  /** Undefined: the store cannot be shared, the process has it for itself. */
  readonly membership?: Membership;
  /** Of a `SharedLease`, for the thread that sends. */
  readonly lease?: SharedArrayBuffer;
  /** After the process has left: another one may use the folder. */
  release(): void;
}

export interface SharingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly rules: Rules;
  /** Of this process, once it listens. */
  readonly url: () => string;
  readonly onDefect: (error: unknown) => void;
}

/** Only EventStoreDB is shared: elsewhere the store itself admits one process. */
export const openSharing = (
  config: Config,
  store: EventStore,
  { clock, random, log, rules, url, onDefect }: SharingDeps,
): Either<{ readonly message: string }, Sharing> => {
  const settings = nodeSettings({ ...config, rules });
  if (config.store.kind !== 'esdb') return right({ settings, release: () => undefined });
  const lock = acquireLock(join(config.dataDir, 'node'));
  if (isLeft(lock)) return left({ message: lock.left.message });
  const name = nodeName(config.dataDir, random);
  if (isLeft(name)) return name;
  const lease = sharedLease();
  const membership = new Membership({
    store,
    clock,
    random,
    log,
    identity: {
      name: name.right,
      get url() {
        return url();
      },
      version: VERSION,
      settings,
    },
    leaseMs: config.leaseMs,
    onLease: (untilMs) => lease.holdFor(untilMs - clock.monotonicMs()),
    onFenced: () => lease.lose(),
    onDefect,
  });
  return right({ settings, membership, lease: lease.memory, release: () => lock.right.release(true) });
};

/** Every node, as the cluster's own stream says; where the process is alone, itself. */
export const nodeStatuses = (
  { membership, settings }: Omit<Sharing, 'release'>,
  engine: Pick<Engine, 'inFlight' | 'shownUpTo' | 'handledUpTo'>,
  self: { readonly url: string; readonly startedAtMs: number; readonly nowMs: number },
): ReadonlyArray<NodeStatus> => {
  if (membership === undefined) {
    const { inFlight, shownUpTo, handledUpTo } = engine;
    return [
      {
        node: 'alone',
        name: 'alone',
        url: self.url,
        version: VERSION,
        joinedAtMs: self.startedAtMs,
        renewedAtMs: self.nowMs,
        isThis: true,
        leaving: false,
        partitions: Array.from({ length: PARTITIONS }, (_, partition) => partition),
        inFlight,
        readUpTo: shownUpTo,
        handledUpTo,
        behind: 0,
        settings,
        differsIn: [],
      },
    ];
  }
  const { state } = membership;
  const partitions = partitionsOf(state);
  const members = [...state.members.values()];
  const newest = Math.max(engine.shownUpTo, ...members.map(({ readUpTo }) => readUpTo));
  const here = { version: VERSION, settings };
  return members.map((member) => {
    const isThis = member.node === membership.node;
    const readUpTo = isThis ? engine.shownUpTo : member.readUpTo;
    return {
      ...member,
      isThis,
      readUpTo,
      // As it was said: whoever takes over begins there, however far this one has come since.
      handledUpTo: member.handledUpTo,
      inFlight: isThis ? engine.inFlight : member.inFlight,
      partitions: partitions.get(member.node) ?? [],
      behind: newest - readUpTo,
      differsIn: differencesTo(here, member).map(({ name }) => name),
    };
  });
};
