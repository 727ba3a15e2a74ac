import { right } from 'fp-ts/lib/Either.js';
import { ok, unavailable } from './answer.ts';
import type { HttpDeps } from './deps.ts';
import type { Route } from './routing.ts';

/** For whatever starts, restarts and routes to this process. */
export const healthRoutes = ({ health }: Pick<HttpDeps, 'health'>): ReadonlyArray<Route> => [
  { method: 'GET', path: '/livez', roles: 'open', handle: async () => right(ok({ status: 'alive' })) },
  {
    method: 'GET',
    path: '/readyz',
    roles: 'open',
    handle: async () => {
      const { ready, reasons } = health();
      return right(ready ? ok({ status: 'ready', reasons }) : unavailable({ status: 'not_ready', reasons }));
    },
  },
];
