import type { JsonObject } from '../../domain/json.ts';
import { PROBLEM_TYPES } from '../problem-types.ts';
import { array, object, oneOfTexts, operation, TEXT } from './shape.ts';

const tag = 'Service';

const ready = (status: string): JsonObject => object({ status: oneOfTexts([status]), reasons: array(TEXT) });

const readiness = operation({
  id: 'readyz',
  tag,
  summary: 'Whether the server takes work',
  roles: 'open',
  answer: { status: 200, description: 'It does.', schema: ready('ready') },
});

export const servicePaths: JsonObject = {
  '/livez': {
    get: operation({
      id: 'livez',
      tag,
      summary: 'Whether the process is alive',
      roles: 'open',
      answer: { status: 200, description: 'It is.', schema: object({ status: oneOfTexts(['alive']) }) },
    }),
  },
  '/readyz': {
    get: {
      ...readiness,
      responses: {
        ...(readiness['responses'] as JsonObject),
        503: {
          description: 'It does not, for these reasons.',
          content: { 'application/json': { schema: ready('not_ready') } },
        },
      },
    },
  },
  '/metrics': {
    get: operation({
      id: 'metrics',
      tag,
      summary: 'What Prometheus reads',
      description:
        'Counts over the whole store, and of this process. Without a token, as it names no tenant: nothing in it tells one company or webhook from another. Do not publish it where the volume of all business is not to be known.',
      roles: 'open',
      answer: {
        status: 200,
        description: 'The text format of Prometheus.',
        schema: TEXT,
        mediaType: 'text/plain',
      },
    }),
  },
  '/docs': {
    get: operation({
      id: 'docs',
      tag,
      summary: 'This description for people',
      roles: 'open',
      answer: { status: 200, description: 'A page.', schema: TEXT, mediaType: 'text/html' },
    }),
  },
  '/docs/openapi.json': {
    get: operation({
      id: 'openapi',
      tag,
      summary: 'This description for programs',
      roles: 'open',
      answer: { status: 200, description: 'OpenAPI 3.1.', schema: { type: 'object' } },
    }),
  },
  '/docs/style.css': {
    get: operation({
      id: 'docsStyle',
      tag,
      summary: 'The look of the pages',
      roles: 'open',
      answer: { status: 200, description: 'A style sheet.', schema: TEXT, mediaType: 'text/css' },
    }),
  },
  '/docs/errors/{slug}': {
    get: operation({
      id: 'docsError',
      tag,
      summary: 'What a problem means and what to do',
      roles: 'open',
      path: [
        {
          name: 'slug',
          description: 'The last part of a problem’s type.',
          schema: oneOfTexts(Object.keys(PROBLEM_TYPES)),
        },
      ],
      answer: { status: 200, description: 'A page.', schema: TEXT, mediaType: 'text/html' },
      problems: [404],
    }),
  },
};
