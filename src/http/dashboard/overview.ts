import type { HttpDeps } from '../deps.ts';
import type { DashboardRoute } from './visit.ts';

export const overviewPages = (_deps: HttpDeps): ReadonlyArray<DashboardRoute> => [];
