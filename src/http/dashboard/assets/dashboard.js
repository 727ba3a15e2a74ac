// What a page does beyond links and forms; without it everything works, with more clicks. Nothing here makes HTML from
// text: parts of a page come as whole documents that the browser parses itself, so trusted types need no policy.
'use strict';

document.documentElement.classList.add('js');
// Gone, not only hidden: the first button of a form is the one that Enter presses.
for (const spare of document.querySelectorAll('.no-script')) spare.remove();

// ---- times in the viewer's zone, UTC at hand

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const shortTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

const localize = (root) => {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = `${time.dateTime.slice(0, 19).replace('T', ' ')} UTC`;
    time.textContent = shortTime.format(at);
  }
};

localize(document);
for (const note of document.querySelectorAll('.zone')) {
  note.hidden = false;
  note.querySelector('b').textContent = zone;
}

// ---- forms that show what they lead to while they are filled in

/** A document from this server, parsed by the browser; its scripts never run. */
const load = (method, address, body) => {
  const request = new XMLHttpRequest();
  const loaded = new Promise((resolve, reject) => {
    request.addEventListener('load', () => resolve(request.responseXML));
    request.addEventListener('error', () => reject(new Error('the server did not answer')));
    request.addEventListener('abort', () => resolve(null));
  });
  request.open(method, address);
  request.responseType = 'document';
  request.send(body);
  return { loaded, abort: () => request.abort() };
};

/** Puts the new version of these elements in place, and leaves the rest of the page, and the focus, where they are. */
const replace = (from, ids) => {
  const focused = document.activeElement?.id;
  for (const id of ids) {
    const [old, made] = [document.getElementById(id), from.getElementById(id)];
    if (old === null || made === null || old.isEqualNode(made)) continue;
    const fresh = document.importNode(made, true);
    localize(fresh);
    old.replaceWith(fresh);
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
};

const PAUSE_MS = 250;

for (const form of document.querySelectorAll('form[data-live]')) {
  const ids = form.dataset.live.split(' ');
  let timer = 0;
  let running;
  const refresh = async () => {
    const fields = new URLSearchParams(new FormData(form));
    const posts = form.method === 'post';
    if (posts) fields.set('step', 'preview');
    const address = posts ? form.action : `${form.action}?${fields}`;
    const current = load(posts ? 'POST' : 'GET', address, posts ? fields : null);
    running = current;
    const made = await current.loaded.catch(() => null);
    if (made !== null && running === current) replace(made, ids);
  };
  form.addEventListener('input', () => {
    // What is under way would put back what was chosen before.
    running?.abort();
    running = undefined;
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  });
}

// ---- pages that follow what happens

for (const page of document.querySelectorAll('[data-events]')) {
  const state = page.querySelector('[data-state]');
  const source = new EventSource(page.dataset.events);
  source.addEventListener('message', ({ data }) => {
    for (const [key, value] of Object.entries(JSON.parse(data))) {
      const [id, attribute] = key.split('@');
      const element = document.getElementById(id);
      if (element === null) continue;
      if (attribute === undefined) element.textContent = value;
      else if (attribute === 'd' || attribute === 'points') element.setAttribute(attribute, value);
    }
    if (state) state.textContent = 'live';
  });
  source.addEventListener('error', () => {
    if (state) state.textContent = 'not connected, trying again';
  });
}
