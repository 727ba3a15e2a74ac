import { type Either, isLeft, left, right, tryCatch } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';

const MADE = t.type({ path: t.string });
const ANSWER_TIMEOUT_MS = 10_000;

/** Asks the running server for a link that signs in with this token once; `shownAs` is where people reach it. */
export const signInLink = async (
  server: string,
  token: string,
  shownAs: string,
): Promise<Either<string, string>> => {
  const asked = await fetch(`${server}/dashboard/sign-in/links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  }).catch(() => undefined);
  if (asked === undefined) {
    return left(`no server answers at ${server}: start it, or say where it is with --url`);
  }
  const text = await asked.text();
  const made = tryCatch(
    () => JSON.parse(text) as unknown,
    () => undefined,
  );
  const decoded = isLeft(made) ? made : MADE.decode(made.right);
  return asked.status !== 201 || isLeft(decoded)
    ? left(`the server at ${server} gives no link (status ${asked.status}): has it the same secret?`)
    : right(`${shownAs}${decoded.right.path}`);
};
