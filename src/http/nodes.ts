import { right } from 'fp-ts/lib/Either.js';
import { ok } from './answer.ts';
import type { HttpDeps } from './deps.ts';
import type { Route } from './routing.ts';

/** Who shares the work, and how far each has come. */
export const nodeRoutes = ({ nodes }: Pick<HttpDeps, 'nodes'>): ReadonlyArray<Route> => [
  {
    method: 'GET',
    path: '/nodes',
    roles: ['admin'],
    handle: async () => {
      const items = nodes().map((one) => ({
        node: one.node,
        name: one.name,
        url: one.url,
        version: one.version,
        this_node: one.isThis,
        joined_at: new Date(one.joinedAtMs).toISOString(),
        renewed_at: new Date(one.renewedAtMs).toISOString(),
        leaving: one.leaving,
        partitions: one.partitions.length,
        partition_ids: one.partitions,
        in_flight: one.inFlight,
        read_up_to: one.readUpTo,
        handled_up_to: one.handledUpTo,
        behind: one.behind,
        lease_ms: one.leaseMs ?? null,
        settings: one.settings ?? null,
        differs_in: one.differsIn,
      }));
      return right(ok({ items, next: null }));
    },
  },
];
