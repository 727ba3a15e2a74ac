import type { HttpDeps } from '../deps.ts';
import type { DashboardRoute } from './visit.ts';

export const simulatorPages = (_deps: HttpDeps): ReadonlyArray<DashboardRoute> => [];
