/** A piece of HTML that is safe as it is. Made by {@link html} alone. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = Html | string | number | null | ReadonlyArray<Content>;

/** HTML with holes: whatever fills one is escaped, unless it is HTML itself. A list is joined, null is nothing. */
export const html = (parts: TemplateStringsArray, ...holes: ReadonlyArray<Content>): Html =>
  new Html(
    parts.map((part, index) => (index === 0 ? part : `${render(holes[index - 1] ?? null)}${part}`)).join(''),
  );

const render = (content: Content): string => {
  if (content instanceof Html) return content.text;
  if (content === null) return '';
  return isList(content) ? content.map(render).join('') : escape(String(content));
};

const isList = (content: Content): content is ReadonlyArray<Content> => Array.isArray(content);

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

/** A whole page in the look of the documentation: no script, nothing from elsewhere. */
export const htmlPage = (title: string, body: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        ${body}
      </body>
    </html> `.text;
