import { right } from 'fp-ts/lib/Either.js';
import type { HttpDeps } from './deps.ts';
import type { Route } from './routing.ts';

/** For Prometheus, like the probes without a token: it names no tenant, no address and no content. */
export const metricsRoutes = ({ metrics }: Pick<HttpDeps, 'metrics'>): ReadonlyArray<Route> => [
  {
    method: 'GET',
    path: '/metrics',
    roles: 'open',
    handle: async () => {
      const { contentType, text } = await metrics.print();
      return right({ status: 200, contentType, body: text, headers: {} });
    },
  },
];
