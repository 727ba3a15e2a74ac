/** Where a text stops being JSON, for the message to whoever sent it. Runs only after JSON.parse refused the text. */

/** What may come next. `first` is right behind an opening bracket. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

const SPACE = /[ \t\n\r]*/y;
const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Offset of the first token that no JSON text could have there; the text's length when it only ends too early. */
export const brokenAt = (text: string): number => {
  const open: Array<'}' | ']'> = [];
  let expected: Expected = 'value';
  let at = 0;

  const afterValue = (): Expected => (open.length === 0 ? 'end' : 'comma');
  for (;;) {
    at = match(SPACE, text, at) ?? at;
    const character = text[at];
    if (character === undefined) return text.length;

    if (character === open.at(-1) && (expected === 'comma' || isFirst(expected))) {
      open.pop();
      expected = afterValue();
      at += 1;
    } else if (expected === 'comma' && character === ',') {
      expected = open.at(-1) === '}' ? 'key' : 'value';
      at += 1;
    } else if (expected === 'colon' && character === ':') {
      expected = 'value';
      at += 1;
    } else if ((expected === 'key' || expected === 'first key') && character === '"') {
      const end = stringEnd(text, at);
      if (!end.closed) return end.at;
      expected = 'colon';
      at = end.at;
    } else if (expected === 'value' || expected === 'first value') {
      if (character === '{' || character === '[') {
        open.push(character === '{' ? '}' : ']');
        expected = character === '{' ? 'first key' : 'first value';
        at += 1;
        continue;
      }
      const end = character === '"' ? stringEnd(text, at) : literalEnd(text, at);
      if (!end.closed) return end.at;
      expected = afterValue();
      at = end.at;
    } else return at;
  }
};

interface End {
  readonly at: number;
  /** Otherwise the text is broken at that place. */
  readonly closed: boolean;
}

const isFirst = (expected: Expected): boolean => expected === 'first value' || expected === 'first key';

const match = (pattern: RegExp, text: string, at: number): number | undefined => {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
};

const literalEnd = (text: string, from: number): End => {
  const at = match(LITERAL, text, from);
  return at === undefined ? { at: from, closed: false } : { at, closed: true };
};

const FIRST_PRINTABLE = 0x20;

const stringEnd = (text: string, from: number): End => {
  let at = from + 1;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') return { at: at + 1, closed: true };
    if (text.charCodeAt(at) < FIRST_PRINTABLE) return { at, closed: false };
    const next = character === '\\' ? match(ESCAPE, text, at) : at + 1;
    if (next === undefined) return { at, closed: false };
    at = next;
  }
  return { at: text.length, closed: false };
};
