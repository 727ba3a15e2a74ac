/**
 * The key under which a customer's personal data stands in the log. Whoever forgets it has erased them. The domain only
 * carries it along: from a change to the invocations it leads to, and to the ends of their attempts. A live object: it
 * says at any time whether it is forgotten.
 */
export interface CustomerKey {
  /** `<subject>.<generation>`: names the key, and tells nothing of the customer. */
  readonly id: string;
  /** Whose it is: 32 hex digits, the same for all keys that a customer ever had. */
  readonly subject: string;
  /** True for ever, once it is. */
  readonly isForgotten: boolean;
  /** Encrypts what stands at this place of the log: the same at the same place gives the same text. Undefined: forgotten. */
  seal(place: string, plain: string): string | undefined;
  /** Undefined: forgotten, or not what stood there. */
  open(place: string, box: string): string | undefined;
  /** Tells equal texts from others, and nothing to whoever does not have the key. Undefined: forgotten. */
  mark(text: string): string | undefined;
  /** As it stands in the log: its id. */
  toJSON(): string;
}

/** Whom a request or a report is about. */
export interface Person {
  /** `order` and `scanner`: nobody is named, so what is personal there goes with the resource itself. */
  readonly by: 'email' | 'id' | 'order' | 'scanner';
  readonly value: string;
}

/** A key that is not at hand: what stands under it is read as forgotten. */
export const absentKey = (id: string): CustomerKey => ({
  id,
  subject: subjectIn(id),
  isForgotten: true,
  seal: () => undefined,
  open: () => undefined,
  mark: () => undefined,
  toJSON: () => id,
});

const KEY_ID = /^([0-9a-f]{32})\.([1-9]\d{0,9})$/;

export const isKeyId = (text: string): boolean => KEY_ID.test(text);

export const keyIdOf = (subject: string, generation: number): string => `${subject}.${generation}`;

const subjectIn = (id: string): string => id.slice(0, id.indexOf('.'));

export const partsOfKeyId = (id: string): { readonly subject: string; readonly generation: number } => ({
  subject: subjectIn(id),
  generation: Number(id.slice(id.indexOf('.') + 1)),
});
