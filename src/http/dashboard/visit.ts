import type { Readable } from 'node:stream';
import type { Either } from 'fp-ts/lib/Either.js';
import type { Role } from '../../ports/tokens.ts';
import type { Failure } from '../failure.ts';
import type { Html } from '../html.ts';
import type { Call, OpenCall } from '../routing.ts';

/** What a form sent, by name; a name that came twice has its values joined by line breaks. */
export type Form = Readonly<Record<string, string>>;

/** One request of a browser. `form` is empty unless something was posted. */
export interface OpenVisit extends OpenCall {
  readonly path: string;
  readonly form: Form;
}

/** The same of somebody who is signed in. */
export interface Visit extends OpenVisit, Call {}

/** What a browser is answered: a page inside the frame, somewhere else to go, or something that is no page. */
export type Reply =
  | {
      readonly kind: 'page';
      readonly status: number;
      readonly title: string;
      readonly content: Html;
      /** The company whose data the page shows, if it is about one. */
      readonly companyId?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'redirect';
      readonly to: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'raw';
      readonly status: number;
      readonly contentType: string;
      readonly body: string | Readable;
      readonly headers?: Readonly<Record<string, string>>;
    };

export type Replied = Promise<Either<Failure, Reply>>;

interface At {
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

/** A page for those who are signed in with one of the roles, or one that is open to everybody. */
export type DashboardRoute =
  | (At & { readonly roles: ReadonlyArray<Role>; readonly handle: (visit: Visit) => Replied })
  | (At & { readonly roles: 'open'; readonly handle: (visit: OpenVisit) => Replied });

/** Who manages webhooks, and who may look at changes. */
export const OWNERS = ['partner', 'admin'] as const;
export const EVERYBODY = ['partner', 'platform', 'admin'] as const;

export const page = (title: string, content: Html, companyId?: string, status = 200): Reply => ({
  kind: 'page',
  status,
  title,
  content,
  ...(companyId !== undefined && { companyId }),
});

/** `to` is a path of ours: nothing that a browser sent may lead elsewhere. */
export const redirect = (to: string, headers?: Readonly<Record<string, string>>): Reply => ({
  kind: 'redirect',
  to,
  ...(headers !== undefined && { headers }),
});

/** Values of a form as plain text; what JSON could hold besides does not come from a form. */
export const formOf = (values: unknown): Form =>
  Object.fromEntries(
    Object.entries(values as Readonly<Record<string, unknown>>).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String).join('\n') : String(value),
    ]),
  );

/** Only a path of this server: one slash, and no way for a browser to read a host out of it. */
export const isLocalPath = (path: string): boolean => /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path);
