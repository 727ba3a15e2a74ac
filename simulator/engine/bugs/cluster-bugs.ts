import { left } from 'fp-ts/lib/Either.js';
import { ChangeClaims } from '../../../src/commands/change-claims.ts';
import { Membership, type Tenant } from '../../../src/delivery/membership.ts';
import { emptyHead } from '../../../src/eventstore/codec.ts';
import { type Bug, bothStores, bug, type Ground } from './bug.ts';

/** What a node does with what it gets and loses, with a mistake in it. */
const asTenant = (change: (tenant: Tenant, ground: Ground) => Tenant) => (ground: Ground) => ({
  settings: {
    makeMembership: (deps: ConstructorParameters<typeof Membership>[0]): Membership => {
      const membership = new Membership(deps);
      const join = membership.join.bind(membership);
      membership.join = (tenant) => join(change(tenant, ground));
      return membership;
    },
  },
});

const DEFECTS: ReadonlyArray<Bug> = [
  bug(
    'zombie-sends',
    'the sending thread does not ask whether the lease still holds',
    ['S22'],
    ({ ports }) =>
      ports.sharing === undefined
        ? {}
        : {
            sharing: {
              ...ports.sharing,
              onLease: () => ports.sharing?.onLease(Number.POSITIVE_INFINITY),
            },
          },
  ),
  bug(
    'standstill-not-counted',
    'the clock of leases does not count the time in which the machine stood still',
    ['S22', 'S23', 'S8', 'S4'],
    ({ ports, stoodStillMs, sendingClock }) => {
      // All threads read the same one.
      const clock = { ...ports.clock, monotonicMs: () => ports.clock.monotonicMs() - stoodStillMs() };
      sendingClock.monotonicMs = clock.monotonicMs;
      return { clock };
    },
  ),
  bug(
    'silence-is-forgiven',
    'a node that has gone silent is never declared expired',
    ['L5', 'L1', 'L2', 'S3', 'L4'],
    ({ ports }) =>
      bothStores({
        ...ports.store,
        append: (batch) =>
          batch.some(({ events }) => events.some(({ type }) => type === 'NodeExpired'))
            ? async () => left({ _tag: 'StoreUnavailable', message: 'planted' })
            : ports.store.append(batch),
      }),
  ),
  bug(
    'takeover-without-fan-out',
    'what a node that is gone had not fanned out is not fanned out by its heirs',
    ['S3'],
    asTenant((tenant, { sim }) => ({
      ...tenant,
      assigned: (partitions) => tenant.assigned(partitions, sim.disk.head),
    })),
  ),
  bug(
    'takeover-without-attempts',
    'what a node that is gone had in flight is not ended by its heirs',
    ['L2', 'L1'],
    asTenant((tenant) => ({ ...tenant, takeOverAttempts: () => undefined })),
  ),
  bug('claims-ignored', 'changes are stored without asking who has claimed their ids', ['S2'], () => ({
    settings: {
      makeClaims: (deps) => {
        const claims = new ChangeClaims(deps);
        claims.claim = async (changes) => ({
          _tag: 'Right',
          right: changes.map(({ change, companyId }) => ({
            held: 'ours',
            change,
            companyId,
            head: emptyHead(`claim-${change}`),
          })),
        });
        claims.release = async () => undefined;
        return claims;
      },
    },
  })),
];

/** Defects of nodes that share a store: they show on the remote store only. */
export const CLUSTER_BUGS: ReadonlyArray<Bug> = DEFECTS.map((defect) => ({
  ...defect,
  sharedStoreOnly: true,
}));
