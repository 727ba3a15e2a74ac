import { html, type Html } from '../html.ts';
import type { Overtaken } from './find.ts';
import { scroll, time } from './parts.ts';
import type { Form } from './visit.ts';

const NOT_SHOWN = new Set(['revision', 'step', 'company_id']);

/** Both versions beside each other, where they differ: what was typed, and what somebody else saved meanwhile. */
export const overtakenNotice = ({ actor, atMs }: Overtaken, mine: Form, theirs: Form): Html => {
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])].filter(
    (name) => !NOT_SHOWN.has(name) && (mine[name] ?? '') !== (theirs[name] ?? ''),
  );
  return html`<div class="notice bad" role="alert">
    <h2>Somebody changed this webhook meanwhile</h2>
    <p><b>${actor}</b> saved it ${time(atMs)}, after you had opened it. Nothing of yours was stored yet.</p>
    ${
      names.length === 0
        ? html`<p>What they saved is what you want, too.</p>`
        : scroll(
            'Both versions',
            html`<table>
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Yours</th>
                  <th scope="col">Saved by them</th>
                </tr>
              </thead>
              <tbody>
                ${names.map(
                  (name) =>
                    html`<tr>
                      <th scope="row">${name.replaceAll('_', ' ')}</th>
                      <td class="wrap">${shown(mine[name])}</td>
                      <td class="wrap">${shown(theirs[name])}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`,
          )
    }
    <p>Save yours over it with the button below, or <a href="?">take what is saved</a> and start again.</p>
  </div>`;
};

const shown = (value: string | undefined): Html =>
  value === undefined || value === '' ? html`<span class="quiet">none</span>` : html`${value}`;
