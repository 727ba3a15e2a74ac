import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { companyOf, onlyCompany } from '../access.ts';
import { guid } from '../checks.ts';
import type { HttpDeps } from '../deps.ts';
import { html } from '../html.ts';
import { settledSoon } from '../settled.ts';
import { address, field } from './parts.ts';
import {
  type DashboardRoute,
  isLocalPath,
  page,
  redirect,
  type Replied,
  type Reply,
  type Visit,
  EVERYBODY,
} from './visit.ts';
import type { Failure } from '../failure.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'settled' | 'clock'>;

const PATH = '/dashboard/companies';
const SHOWN_MAX = 200;

/** For those whose token does not stand for a single company: which one is to be shown. */
export const companyPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  {
    method: 'GET',
    path: PATH,
    roles: EVERYBODY,
    handle: (visit) => choose(deps, visit),
  },
];

/**
 * The company that a page is about: the one in its address or form, else the only one of the token. Where there is none,
 * the visitor is asked for it.
 */
export const companyIn = (visit: Visit): Either<Failure, string | Reply> => {
  const named = visit.form['company_id'] ?? visit.query.get('company') ?? undefined;
  if (named !== undefined) {
    const checked = guid(named);
    return isLeft(checked)
      ? left({ _tag: 'NotFound' })
      : companyOf(visit.principal, checked.right, 'company');
  }
  const only = onlyCompany(visit.principal);
  return right(only ?? redirect(address(PATH, { return_to: visit.path })));
};

const choose = async (deps: Deps, { principal, query }: Visit): Replied => {
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const asked = query.get('return_to') ?? '/';
  const returnTo = isLocalPath(asked) && !asked.includes('?') ? asked : '/';
  const known =
    principal.role === 'admin' || principal.companies === '*'
      ? deps.readModels.companies(0, SHOWN_MAX).map((row) => row.guid)
      : principal.companies;
  return right(
    page(
      'Choose a company',
      html`<section class="narrow">
        <h1>Choose a company</h1>
        <p>Your token covers several companies. Every page shows one of them.</p>
        ${
          known.length === 0
            ? html`<p class="empty">
                No company has anything here yet. Name one below: its account is opened with its first webhook
                or change.
              </p>`
            : html`<ul class="list">
                ${known.map(
                  (one) =>
                    html`<li>
                      <a href="${address(returnTo, { company: one })}"><code>${one}</code></a>
                    </li>`,
                )}
              </ul>`
        }
        <form method="get" action="${returnTo}" class="card">
          ${field({
            name: 'company',
            label: 'Another company, by its GUID',
            errors: [],
            control: (attributes) =>
              html`<input
                ${attributes}
                required
                pattern="[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
                spellcheck="false"
                autocomplete="off"
              />`,
          })}
          <p><button class="button">Show it</button></p>
        </form>
      </section>`,
    ),
  );
};
