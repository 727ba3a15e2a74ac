import type { Figure } from '../support/figure.ts';
import { backlog } from './backlog.ts';
import { dashboard } from './dashboard.ts';
import { eventStoreDb } from './eventstoredb.ts';
import { explain } from './explain.ts';
import { fanOut } from './fan-out.ts';
import { ingest } from './ingest.ts';
import { matching } from './matching.ts';
import { orders } from './orders.ts';
import { simulation } from './simulation.ts';
import { nodes } from './nodes.ts';
import { start } from './start.ts';
import { template } from './template.ts';
import { verify } from './verify.ts';
import { waiting } from './waiting.ts';
import { wholeLog } from './whole-log.ts';

/** In the order of the table. */
export const FIGURES: ReadonlyArray<Figure> = [
  backlog,
  fanOut,
  ingest,
  matching,
  template,
  waiting,
  start,
  eventStoreDb,
  orders,
  simulation,
  nodes,
  explain,
  dashboard,
  verify,
  wholeLog,
];
