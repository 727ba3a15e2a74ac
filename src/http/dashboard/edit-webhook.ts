import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { SelectionPreviews } from '../../audit/selection-preview.ts';
import type { WebhookChanges } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure, FieldError } from '../failure.ts';
import { decodeFields } from '../fields.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { html, type Html } from '../html.ts';
import { neverFires } from '../problem.ts';
import { causeOf } from '../routing.ts';
import { SETTINGS_PATCH } from '../settings.ts';
import { changesOf, webhookPatchCodec } from '../webhook-fields.ts';
import { isReply, overtakenSince, sameSettings, webhookOr } from './find.ts';
import { errorSummary, hidden } from './parts.ts';
import { previewOf } from './preview.ts';
import { overtakenNotice } from './overtaken.ts';
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
import {
  basicFields,
  deliveryFields,
  selectionFields,
  selectionIn,
  valuesOf,
} from './webhook-form-fields.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'store' | 'rules' | 'checkUrl' | 'defaultRetryBaseMs'> & {
  readonly previews: SelectionPreviews;
};

const EDIT = '/dashboard/webhooks/:guid/edit';

/** Editing a webhook as OpenTicket knows them, with whoever else edits it in view. */
export const editWebhookPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  { method: 'GET', path: EDIT, roles: OWNERS, handle: (visit) => showEdit(deps, visit) },
  { method: 'POST', path: EDIT, roles: OWNERS, handle: (visit) => postEdit(deps, visit) },
];

const formOfWebhook = ({ webhook, revision }: FoundWebhook): Form => {
  const { name, url, retries, selection, ordering, coalesce, retryBaseMs } = webhook.facts.settings;
  return {
    name,
    url,
    retries: String(retries),
    ...(selection.dialect === 'openticket' && {
      resource: selection.resource,
      trigger: selection.trigger,
      identifier: selection.identifier,
      ...(selection.triggeredByChildResources && { triggered_by_child_resources: '1' }),
    }),
    ordering,
    ...(coalesce && { coalesce: '1' }),
    retry_base_ms: retryBaseMs === null ? '' : String(retryBaseMs),
    revision: String(revision),
  };
};

const showEdit = async (deps: Deps, visit: Visit): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const { guid, settings } = found.right.webhook.facts;
  if (settings.selection.dialect === 'moshtix')
    return right(redirect(`/dashboard/webhooks/${guid}/edit-moshtix`));
  return right(await editPage(deps, found.right, formOfWebhook(found.right), []));
};

const postEdit = async (deps: Deps, visit: Visit): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const { form } = visit;
  const { guid, companyId, settings } = found.right.webhook.facts;
  if (settings.selection.dialect === 'moshtix') return left({ _tag: 'NotFound' });
  const seen = found.right;
  if (form['step'] !== 'save') return right(await editPage(deps, seen, form, []));

  const changes = changesIn(deps, form);
  if (isLeft(changes)) return right(await editPage(deps, seen, form, changes.left));
  const overtaken = await overtakenSince(deps, seen, Number(form['revision'] ?? Number.NaN));
  if (isLeft(overtaken)) return overtaken;
  if (overtaken.right !== undefined) {
    return right(
      await editPage(deps, seen, form, [], overtakenNotice(overtaken.right, form, formOfWebhook(seen))),
    );
  }
  const saved = await deps.webhooks.revise<{ readonly _tag: 'Overtaken' }>(
    guid,
    (webhook) =>
      sameSettings(webhook.facts.settings, settings)
        ? right({ changes: changes.right })
        : left({ _tag: 'Overtaken' }),
    causeOf(visit, companyId),
  );
  if (!isLeft(saved)) return right(redirect(`/dashboard/webhooks/${guid}?said=saved`));
  switch (saved.left._tag) {
    case 'Overtaken':
      // Somebody was quicker by a moment: once more, with what they saved in view.
      return postEdit(deps, visit);
    case 'WebhookCouldNeverFire':
      return right(await editPage(deps, seen, form, [neverFires(saved.left)]));
    default:
      return left(saved.left);
  }
};

/** Both of the API's tables of fields at once, with all that is wrong. */
const changesIn = (deps: Deps, form: Form): Either<ReadonlyArray<FieldError>, WebhookChanges> => {
  const fields = decodeFields(webhookPatchCodec(deps.checkUrl), valuesOf(form, ''));
  const base = form['retry_base_ms'] ?? '';
  const settings = decodeFields(SETTINGS_PATCH, {
    ordering: form['ordering'] ?? 'none',
    coalesce: form['coalesce'] ?? '0',
    retry_base_ms: base === '' ? null : base,
  });
  const errors = [fields, settings].flatMap((one) =>
    isLeft(one) && one.left._tag === 'InvalidFields' ? one.left.errors : [],
  );
  if (isLeft(fields) || isLeft(settings)) return left(errors);
  const { ordering = 'none', coalesce = false, retry_base_ms: retryBaseMs = null } = settings.right;
  return right({ ...changesOf(fields.right), ordering, coalesce, retryBaseMs });
};

const editPage = async (
  deps: Deps,
  { webhook, revision }: FoundWebhook,
  form: Form,
  errors: ReadonlyArray<FieldError>,
  overtaken: Html | null = null,
): Promise<Reply> => {
  const { guid, companyId } = webhook.facts;
  // Over somebody else's version one saves with open eyes: the form now stands on theirs.
  const basis = overtaken === null ? (form['revision'] ?? String(revision)) : String(revision);
  return page(
    `Edit ${nameOf(webhook)}`,
    html`<p class="crumbs"><a href="/dashboard/webhooks/${guid}">${nameOf(webhook)}</a></p>
      <h1>Edit</h1>
      ${overtaken} ${errorSummary(errors)}
      <form
        method="post"
        action="/dashboard/webhooks/${guid}/edit"
        data-live="trigger-field preview"
        class="columns"
        novalidate
      >
        <div class="card">
          ${hidden('revision', basis)} ${basicFields(form, errors)} ${selectionFields(deps, form, errors)}
          ${deliveryFields(deps, form, errors)}
          <p class="actions">
            <button class="button primary" name="step" value="save">
              ${overtaken === null ? 'Save' : 'Save mine over it'}
            </button>
            <button class="button no-script" name="step" value="preview">Preview</button>
            <a class="button" href="/dashboard/webhooks/${guid}">Cancel</a>
          </p>
        </div>
        ${await previewOf(deps, companyId, selectionIn(deps, form))}
      </form>`,
    companyId,
    overtaken !== null ? CONFLICT : errors.length === 0 ? 200 : 422,
  );
};

const CONFLICT = 409;
