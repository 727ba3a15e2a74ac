import type { JsonObject } from '../../domain/json.ts';
import { accountPaths, accountSchemas } from './accounts.ts';
import { auditPaths, auditSchemas } from './audit.ts';
import { changePaths, changeSchemas } from './changes.ts';
import { commonSchemas } from './common.ts';
import { conservationPaths, conservationSchemas } from './conservation.ts';
import { erasurePaths, erasureSchemas } from './erasures.ts';
import { graphqlPaths, graphqlSchemas } from './graphql.ts';
import { invocationPaths, invocationSchemas } from './invocations.ts';
import { jobPaths, jobSchemas } from './jobs.ts';
import { exportPaths } from './export.ts';
import { retentionPaths, retentionSchemas } from './retention.ts';
import { secretPaths, secretSchemas } from './secrets.ts';
import { nodePaths, nodeSchemas } from './nodes.ts';
import { servicePaths } from './service.ts';
import { orderPaths, orderSchemas } from './orders.ts';
import { MIN_POSITION_PARAMETER, PROBLEM_RESPONSES } from './shape.ts';
import { settingsPaths, settingsSchemas } from './settings.ts';
import { webhookPaths, webhookSchemas } from './webhooks.ts';

/** The whole API. Every answer of the HTTP tests is checked against it. */
export const openApiDocument = (version: string): JsonObject => ({
  openapi: '3.1.0',
  info: {
    title: 'Callboard',
    version,
    summary: 'Webhooks for ticketing platforms',
    description:
      'JSON in snake case; errors are application/problem+json (RFC 9457). An unknown path answers 404, a method that a path does not have 405. Every write is answered with the header Callboard-Position: a read with ?min_position=<its value> waits, on whichever node it is asked, until that node shows the write.',
  },
  security: [{ bearer: [] }],
  paths: {
    ...webhookPaths,
    ...settingsPaths,
    ...secretPaths,
    ...invocationPaths,
    ...jobPaths,
    ...changePaths,
    ...erasurePaths,
    ...auditPaths,
    ...conservationPaths,
    ...exportPaths,
    ...graphqlPaths,
    ...accountPaths,
    ...retentionPaths,
    ...orderPaths,
    ...nodePaths,
    ...servicePaths,
  },
  components: {
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    parameters: { MinPosition: MIN_POSITION_PARAMETER },
    responses: PROBLEM_RESPONSES,
    schemas: {
      ...webhookSchemas,
      ...settingsSchemas,
      ...secretSchemas,
      ...invocationSchemas,
      ...jobSchemas,
      ...changeSchemas,
      ...erasureSchemas,
      ...auditSchemas,
      ...conservationSchemas,
      ...graphqlSchemas,
      ...accountSchemas,
      ...retentionSchemas,
      ...orderSchemas,
      ...nodeSchemas,
      ...commonSchemas,
    },
  },
});
