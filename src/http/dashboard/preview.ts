import { isLeft } from 'fp-ts/lib/Either.js';
import type { SelectionPreview, SelectionPreviews } from '../../audit/selection-preview.ts';
import type { Rules } from '../../domain/rules.ts';
import type { Selection } from '../../domain/webhook.ts';
import { html, type Html } from '../html.ts';
import { count, time } from './parts.ts';
import { rulesPicture } from './rules-picture.ts';

interface Deps {
  readonly rules: Rules;
  readonly previews: SelectionPreviews;
}

/** Before a webhook is saved: who would make it fire, and how often that was so in the last seven days. */
export const previewOf = async (
  deps: Deps,
  companyId: string,
  selection: Selection | undefined,
): Promise<Html> => {
  if (selection === undefined) {
    return panel(
      html`<p class="quiet">Choose what it listens to, and this shows what would make it fire.</p>`,
    );
  }
  const preview = await deps.previews.of(companyId, selection);
  return panel(html`
    ${rulesPicture(deps.rules, selection)}
    ${
      isLeft(preview)
        ? html`<p class="quiet">How often it would have fired cannot be told: the store does not answer.</p>`
        : frequency(preview.right)
    }
  `);
};

const panel = (content: Html): Html =>
  html`<section id="preview" class="card preview" aria-live="polite">
    <h2>What would make it fire</h2>
    ${content}
  </section>`;

const frequency = ({ fired, lookedAt, whole, sinceMs, examples }: SelectionPreview): Html => {
  if (sinceMs === null) {
    return html`<p>Nothing was reported in the last 7 days, so there is nothing to go by.</p>`;
  }
  const often = html`<b>${count(fired, 'time')}</b>`;
  return html`<p>
      ${
        whole
          ? html`It would have fired ${often} in the last 7 days (${count(lookedAt, 'change')} reported).`
          : html`It would have fired ${often} in the last ${count(lookedAt, 'change')}, which go back to
            ${time(sinceMs)}. There were more in the last 7 days.`
      }
    </p>
    ${
      examples.length === 0
        ? null
        : html`<p class="quiet">For example:</p>
            <ul class="list">
              ${examples.map(
                ({ change, atMs, path }) =>
                  html`<li>
                    <a href="/dashboard/changes/${change}"
                      >${path.map(({ resource, identifier }) => `${resource} ${identifier}`).join(' → ')}</a
                    >, ${time(atMs)}
                  </li>`,
              )}
            </ul>`
    }`;
};
