import { isLeft, right } from 'fp-ts/lib/Either.js';
import type { SelectionPreviews } from '../../audit/selection-preview.ts';
import type { HttpDeps } from '../deps.ts';
import type { FieldError } from '../failure.ts';
import { html } from '../html.ts';
import { causeOf } from '../routing.ts';
import { newWebhookReader, RETRIES_DEFAULT, settingsOf } from '../webhook-fields.ts';
import { companyIn } from './companies.ts';
import { address, errorSummary, hidden } from './parts.ts';
import { previewOf } from './preview.ts';
import {
  type DashboardRoute,
  type Form,
  page,
  redirect,
  type Replied,
  type Reply,
  type Visit,
  OWNERS,
} from './visit.ts';
import { basicFields, selectionFields, selectionIn, valuesOf } from './webhook-form-fields.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'rules' | 'checkUrl'> & { readonly previews: SelectionPreviews };

const NEW = '/dashboard/webhooks/new';

/** "Create new": a webhook as OpenTicket knows them. */
export const newWebhookPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  { method: 'GET', path: NEW, roles: OWNERS, handle: (visit) => showNew(deps, visit) },
  { method: 'POST', path: NEW, roles: OWNERS, handle: (visit) => postNew(deps, visit) },
];

const BLANK: Form = { retries: String(RETRIES_DEFAULT) };

const showNew = async (deps: Deps, visit: Visit): Replied => {
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  return typeof company.right === 'string'
    ? right(await newPage(deps, company.right, BLANK, []))
    : right(company.right);
};

const postNew = async (deps: Deps, visit: Visit): Replied => {
  const { form } = visit;
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  if (form['step'] !== 'create') return right(await newPage(deps, companyId, form, []));

  const decoded = newWebhookReader(deps)(valuesOf(form, companyId));
  if (isLeft(decoded)) {
    return decoded.left._tag === 'InvalidFields'
      ? right(await newPage(deps, companyId, form, decoded.left.errors))
      : decoded;
  }
  const made = await deps.webhooks.create(companyId, settingsOf(decoded.right), causeOf(visit, companyId));
  if (isLeft(made)) return made;
  const named = visit.query.get('company') ?? undefined;
  return right(redirect(address('/', { company: named, made: made.right.webhook.facts.guid })));
};

const newPage = async (
  deps: Deps,
  companyId: string,
  form: Form,
  errors: ReadonlyArray<FieldError>,
): Promise<Reply> => {
  const moshtix = address('/dashboard/webhooks/new-moshtix', { company: companyId });
  return page(
    'New webhook',
    html`<h1>New webhook</h1>
      <p class="lead">
        A POST request to your URL whenever what you choose happens. Receivers of Moshtix' messages
        <a href="${moshtix}">choose system events and a body template</a> instead.
      </p>
      ${errorSummary(errors)}
      <form
        method="post"
        action="${address(NEW, { company: companyId })}"
        data-live="trigger-field preview"
        class="columns"
        novalidate
      >
        <div class="card">
          ${hidden('company_id', companyId)} ${basicFields(form, errors)}
          ${selectionFields(deps, form, errors)}
          <p class="actions">
            <button class="button primary" name="step" value="create">Create</button>
            <button class="button no-script" name="step" value="preview">Preview</button>
            <a class="button" href="${address('/', { company: companyId })}">Cancel</a>
          </p>
        </div>
        ${await previewOf(deps, companyId, selectionIn(deps, form))}
      </form>`,
    companyId,
    errors.length === 0 ? 200 : 422,
  );
};
