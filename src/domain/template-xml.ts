import { right } from 'fp-ts/lib/Either.js';
import { fault, holesIn, HOLE, type Scan } from './template-scan.ts';

/**
 * XML and HTML, as far as it decides whether an escaped value stays text: in content and in quoted attribute values it
 * does, elsewhere it does not. Whether the template is well-formed otherwise is its author's business; what is doubtful
 * counts as markup.
 */
export const scanXml: Scan = (text) => {
  for (const { from, to, reason } of markupOf(text)) {
    const hole = text.slice(from, to).indexOf(HOLE);
    if (hole !== -1) return fault(from + hole, reason);
  }
  const holes = holesIn(text);
  const swallowed = holes.find((at) => endsInReference(text, at));
  return swallowed === undefined
    ? right(holes.map(() => 'xmlText'))
    : fault(
        swallowed,
        'The value would become part of the reference that the & before it begins: write &amp; for a literal &.',
      );
};

/** From a character to before another, where no placeholder may stand. */
interface Markup {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

const notIn = (name: string): string =>
  `Escaping does not work in ${name}, so no placeholder may stand there: move it into an element or a quoted attribute value.`;
const IN_TAG =
  'Inside a tag a placeholder may stand only in a quoted attribute value, as in id="@contextId"; a literal < is written &lt;.';

const CLOSED = [
  { open: '<!--', close: '-->', reason: notIn('a comment') },
  { open: '<![CDATA[', close: ']]>', reason: notIn('a CDATA section') },
  { open: '<?', close: '?>', reason: notIn('a processing instruction') },
] as const;

function* markupOf(text: string): Generator<Markup> {
  let from = text.indexOf('<');
  while (from !== -1) {
    const end: number = yield* markupAt(text, from);
    from = text.indexOf('<', end);
  }
}

/** What the `<` at `from` begins. Answers where it ends. */
function* markupAt(text: string, from: number): Generator<Markup, number> {
  const closed = CLOSED.find(({ open }) => text.startsWith(open, from));
  if (closed === undefined && !text.startsWith('<!', from)) return yield* tag(text, from);
  const to =
    closed === undefined
      ? endOfDeclaration(text, from)
      : endAfter(text, closed.close, from + closed.open.length);
  yield { from, to, reason: closed?.reason ?? notIn('a declaration') };
  return to;
}

/** Behind the next `close`; an unclosed construct reaches to the end of the text. */
const endAfter = (text: string, close: string, from: number): number => {
  const at = text.indexOf(close, from);
  return at === -1 ? text.length : at + close.length;
};

/** A document type with its quoted names and its declarations, comments and instructions in brackets. */
const endOfDeclaration = (text: string, from: number): number => {
  let depth = 1;
  let at = from + 2;
  while (at < text.length && depth > 0) {
    const closed = CLOSED.find(({ open }) => text.startsWith(open, at));
    const char = text.charAt(at);
    if (closed !== undefined) at = endAfter(text, closed.close, at + closed.open.length);
    else if (char === '"' || char === "'") at = endAfter(text, char, at + 1);
    else {
      if (char === '<') depth += 1;
      if (char === '>') depth -= 1;
      at += 1;
    }
  }
  return at;
};

/** In HTML the content of these is code, which knows no references. */
const CODE_ELEMENT = /^<(script|style)(?![^\s/>])/i;

/** A tag but for its quoted attribute values, and the code that follows it. Answers where both end. */
function* tag(text: string, start: number): Generator<Markup, number> {
  let from = start;
  let at = start + 1;
  let previous = '<';
  while (at < text.length && text[at] !== '>') {
    const char = text.charAt(at);
    if (previous === '=' && (char === '"' || char === "'")) {
      yield { from, to: at, reason: IN_TAG };
      at = endAfter(text, char, at + 1);
      from = at;
      previous = char;
      continue;
    }
    if (!/\s/.test(char)) previous = char;
    at += 1;
  }
  yield { from, to: at, reason: IN_TAG };

  const name = CODE_ELEMENT.exec(text.slice(start, at + 1))?.[1]?.toLowerCase();
  if (name === undefined || previous === '/') return at;
  const length = text.slice(at).search(name === 'script' ? /<\/script/i : /<\/style/i);
  const end = length === -1 ? text.length : at + length;
  yield { from: at, to: end, reason: notIn(`a ${name} element`) };
  return end;
}

const REFERENCE_CHARACTER = /[#\w.:-]/;

/** Whether an `&` and the beginning of a name or number stand right before. */
const endsInReference = (text: string, at: number): boolean => {
  let before = at - 1;
  while (before >= 0 && REFERENCE_CHARACTER.test(text.charAt(before))) before -= 1;
  return text[before] === '&';
};
