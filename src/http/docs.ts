import { left, right } from 'fp-ts/lib/Either.js';
import { ok, page } from './answer.ts';
import type { HttpDeps } from './deps.ts';
import { apiReference } from './docs/api-reference.ts';
import { errorPage } from './docs/error-page.ts';
import { guide } from './docs/guide.ts';
import { STYLE } from './docs/style.ts';
import { html, htmlPage } from './html.ts';
import { openApiDocument } from './openapi/document.ts';
import { PROBLEM_TYPES, type ProblemSlug } from './problem-types.ts';
import type { Route } from './routing.ts';

const HTML = 'text/html; charset=utf-8';

/** The API for people and for programs. All of it is made once, at start. */
export const docsRoutes = ({ version }: Pick<HttpDeps, 'version'>): ReadonlyArray<Route> => {
  const document = openApiDocument(version);
  const docs = page(HTML, htmlPage('Callboard API', html`${guide(version)}${apiReference(document)}`));
  const openApi = ok(document);
  const style = page('text/css; charset=utf-8', STYLE);
  const errors = new Map(
    (Object.keys(PROBLEM_TYPES) as ReadonlyArray<ProblemSlug>).map((slug) => [
      slug as string,
      page(HTML, errorPage(slug)),
    ]),
  );
  return [
    { method: 'GET', path: '/docs', roles: 'open', handle: async () => right(docs) },
    { method: 'GET', path: '/docs/openapi.json', roles: 'open', handle: async () => right(openApi) },
    { method: 'GET', path: '/docs/style.css', roles: 'open', handle: async () => right(style) },
    {
      method: 'GET',
      path: '/docs/errors/:slug',
      roles: 'open',
      handle: async (call) => {
        const found = errors.get(call.params['slug'] ?? '');
        return found === undefined ? left({ _tag: 'NotFound' }) : right(found);
      },
    },
  ];
};
