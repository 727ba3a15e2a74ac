import { isUtf8 } from 'node:buffer';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { Json } from '../domain/json.ts';
import { invalid, type RequestFailure } from './failure.ts';
import { brokenAt } from './json-place.ts';

/** Levels of arrays and objects inside each other. What walks over JSON recursively may rely on it. */
export const DEPTH_MAX = 64;

/** UTF-8 without exceptions; a byte order mark is dropped. */
export const decodeText = (bytes: Buffer): Either<RequestFailure, string> => {
  if (!isUtf8(bytes)) return left({ _tag: 'NotParseable', message: 'The body is not valid UTF-8.' });
  const text = bytes.toString('utf8');
  return right(text.startsWith('\ufeff') ? text.slice(1) : text);
};

/** JSON that is safe to work with: not too deep, and without keys that could reach a prototype. */
export const parseJson = (text: string): Either<RequestFailure, Json> => {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (_invalid) {
    return left({ _tag: 'NotParseable', message: `The body is not valid JSON${place(text)}.` });
  }
  const harm = harmIn(value, 1);
  return harm === undefined ? right(value) : left(invalid(pathText(harm.path), harm.message));
};

const place = (text: string): string => {
  if (text.trim() === '') return ': it is empty';
  const offset = brokenAt(text);
  if (offset >= text.length) return ': it ends too early';
  const lines = text.slice(0, offset).split('\n');
  return ` at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
};

interface Harm {
  /** From the inside out. */
  readonly path: Array<string | number>;
  readonly message: string;
}

/** The first thing that should not be there, or undefined. Hot: every value of every reported change passes here. */
const harmIn = (value: Json, depth: number): Harm | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > DEPTH_MAX) {
    return { path: [], message: `must not be nested more than ${DEPTH_MAX} levels deep` };
  }
  if (isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const harm = harmIn(value[index] as Json, depth + 1);
      if (harm !== undefined) return within(harm, index);
    }
    return undefined;
  }
  for (const key in value) {
    if (key === '__proto__') return { path: [key], message: 'is not taken as a key' };
    const inner = value[key] as Json;
    if (typeof inner !== 'object' || inner === null) continue;
    if (key === 'constructor' && Object.hasOwn(inner, 'prototype')) {
      return { path: ['prototype', key], message: 'is not taken as a key' };
    }
    const harm = harmIn(inner, depth + 1);
    if (harm !== undefined) return within(harm, key);
  }
  return undefined;
};

const isArray = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value);

const within = (harm: Harm, step: string | number): Harm => {
  harm.path.push(step);
  return harm;
};

const PATH_CHARACTERS_MAX = 200;

const pathText = (path: ReadonlyArray<string | number>): string => {
  const text = path
    .toReversed()
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
  if (text === '') return 'body';
  return text.length > PATH_CHARACTERS_MAX ? `${text.slice(0, PATH_CHARACTERS_MAX)}…` : text;
};
