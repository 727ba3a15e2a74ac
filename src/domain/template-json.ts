import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { type Fault, fault, HOLE, type Scan, type Writing } from './template-scan.ts';

/** Objects and lists open at once. */
export const TEMPLATE_DEPTH_MAX = 64;

/**
 * RFC 8259, strict, with holes as whole values or as characters inside strings. A text that passes is JSON whatever
 * the holes are filled with: outside strings a hole is a token of its own that touches no other, inside them it is
 * never part of an escape.
 */
export const scanJson: Scan = (text) => {
  const writings: Writing[] = [];
  const open: Container[] = [];
  let expected: Expected = 'value';
  let previous: TokenKind | null = null;
  let at = 0;
  for (;;) {
    const read = nextToken(text, at);
    if (isLeft(read)) return read;
    const token: Token = read.right;
    const { kind } = token;
    const innermost = open.at(-1);
    if (kind === 'end') {
      if (expected === 'nothing') return right(writings);
      return fault(token.at, unfinished(innermost));
    }
    if (takesValue(expected) && (kind === 'string' || kind === 'scalar' || kind === 'hole')) {
      expected = afterValue(innermost);
    } else if (takesValue(expected) && (kind === '{' || kind === '[')) {
      if (open.length === TEMPLATE_DEPTH_MAX) {
        return fault(
          token.at,
          `The template is nested deeper than ${TEMPLATE_DEPTH_MAX} levels: flatten it.`,
        );
      }
      open.push(kind);
      expected = kind === '{' ? 'keyOrClose' : 'valueOrClose';
    } else if ((expected === 'key' || expected === 'keyOrClose') && kind === 'string') {
      expected = 'colon';
    } else if (expected === 'colon' && kind === ':') {
      expected = 'value';
    } else if (expected === 'commaOrClose' && kind === ',') {
      expected = innermost === '{' ? 'key' : 'value';
    } else if (takesClose(expected) && innermost !== undefined && kind === CLOSE[innermost]) {
      open.pop();
      expected = afterValue(open.at(-1));
    } else {
      return fault(token.at, misplaced(expected, kind, previous, innermost));
    }
    for (let hole = 0; hole < token.holes; hole += 1) {
      writings.push(kind === 'string' ? 'jsonText' : 'jsonValue');
    }
    previous = kind;
    at = token.end;
  }
};

// ---------------------------------------------------------------- what may follow

type Container = '{' | '[';
type Expected = 'value' | 'valueOrClose' | 'key' | 'keyOrClose' | 'colon' | 'commaOrClose' | 'nothing';

const CLOSE = { '{': '}', '[': ']' } as const;

const takesValue = (expected: Expected): boolean => expected === 'value' || expected === 'valueOrClose';

const takesClose = (expected: Expected): boolean =>
  expected === 'valueOrClose' || expected === 'keyOrClose' || expected === 'commaOrClose';

const afterValue = (innermost: Container | undefined): Expected =>
  innermost === undefined ? 'nothing' : 'commaOrClose';

const unfinished = (innermost: Container | undefined): string =>
  innermost === undefined
    ? 'The template is empty: write a JSON value, such as @data.'
    : `The template ends inside ${innermost === '{' ? 'an object' : 'a list'}: complete it and close it with ${CLOSE[innermost]}.`;

const WHOLE_VALUE =
  'A placeholder outside double quotes is a whole value: to join it with other text, put both in one pair of double quotes.';

const misplaced = (
  expected: Expected,
  kind: TokenKind,
  previous: TokenKind | null,
  innermost: Container | undefined,
): string => {
  if (previous === ',' && (kind === '}' || kind === ']')) return `Remove the comma before this ${kind}.`;
  switch (expected) {
    case 'value':
    case 'valueOrClose':
      return 'A value must stand here: a placeholder, text in double quotes, a number, true, false, null, { or [.';
    case 'key':
    case 'keyOrClose':
      return kind === 'hole'
        ? 'A key must stand in double quotes, a placeholder too: write it as "@eventType".'
        : 'A key in double quotes must stand here.';
    case 'colon':
      return 'A colon must stand here, between the key and its value.';
    case 'commaOrClose': {
      const need = `A comma or ${innermost === '{' ? '}' : ']'} must stand here.`;
      return kind === 'hole' || previous === 'hole' ? `${need} ${WHOLE_VALUE}` : need;
    }
    case 'nothing': {
      const need = 'The JSON value is complete before this: remove the rest.';
      return kind === 'hole' || previous === 'hole' ? `${need} ${WHOLE_VALUE}` : need;
    }
  }
};

// ---------------------------------------------------------------- tokens

const PUNCTUATION = ['{', '}', '[', ']', ':', ','] as const;

type TokenKind = (typeof PUNCTUATION)[number] | 'string' | 'scalar' | 'hole' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly at: number;
  readonly end: number;
  readonly holes: number;
}

const BLANK = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Where the match that begins at `at` ends; `at` itself when there is none. */
const endOf = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
};

const nextToken = (text: string, from: number): Either<Fault, Token> => {
  const at = endOf(BLANK, text, from);
  if (at === text.length) return right({ kind: 'end', at, end: at, holes: 0 });
  const first = text.charAt(at);
  if (first === HOLE) return right({ kind: 'hole', at, end: at + 1, holes: 1 });
  if (first === '"') return stringToken(text, at);
  const mark = PUNCTUATION.find((punctuation) => punctuation === first);
  if (mark !== undefined) return right({ kind: mark, at, end: at + 1, holes: 0 });
  const end = endOf(SCALAR, text, at);
  if (end > at) return right({ kind: 'scalar', at, end, holes: 0 });
  const shown = JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0));
  return fault(
    at,
    `${shown} means nothing in JSON outside double quotes: remove it, or put text in double quotes.`,
  );
};

const stringToken = (text: string, open: number): Either<Fault, Token> => {
  let holes = 0;
  let at = open + 1;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') return right({ kind: 'string', at: open, end: at + 1, holes });
    if (char === '\\') {
      const end = endOf(ESCAPE, text, at);
      if (end === at) return fault(at, UNKNOWN_ESCAPE);
      at = end;
      continue;
    }
    if (char === HOLE) holes += 1;
    else if (char < ' ') return fault(at, CONTROL_CHARACTER);
    at += 1;
  }
  return fault(open, 'This text is never closed: add a double quote at its end.');
};

const UNKNOWN_ESCAPE =
  'A backslash begins an escape, which JSON does not know with what follows here: write \\\\ for a literal backslash.';
const CONTROL_CHARACTER =
  'Text in JSON holds no line breaks, tabs or other control characters: write \\n or \\t, or close the text with a double quote.';
