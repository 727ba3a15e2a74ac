import type { Either } from 'fp-ts/lib/Either.js';

/** What a token lets its holder do: manage webhooks, post changes, everything. */
export const ROLES = ['partner', 'platform', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who is asking, as their token says. */
export interface Principal {
  readonly subject: string;
  readonly role: Role;
  /** GUIDs in lower case; '*' is every company. */
  readonly companies: ReadonlyArray<string> | '*';
  /** The account's `client_id`, if the token names one. */
  readonly client: number | null;
}

/** Why a token is not taken. Only an otherwise good token is called expired. */
export type TokenRefusal = { readonly _tag: 'TokenExpired' } | { readonly _tag: 'TokenNotAccepted' };

export type VerifyToken = (token: string) => Promise<Either<TokenRefusal, Principal>>;
