import { type Either, left, right } from 'fp-ts/lib/Either.js';
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Json, JsonObject } from '../../domain/json.ts';
import { PAGE_SIZE_MAX } from './page.ts';
import { INVOCATIONS_DEFAULT, WEBHOOKS_DEFAULT } from './schema.ts';

/**
 * How large a request may be, measured before GraphQL validates it: some of its rules take time that grows with the
 * square of the fields. One walk over the document measures everything. The packages of GraphQL Armor have a walk for
 * each limit and count the fields that are written, not the rows that a page asks for, which are what costs here.
 */
export const LIMITS = {
  /** Told to the parser, which stops there. */
  tokens: 1_000,
  depth: 10,
  rootFields: 5,
  fields: 300,
  aliases: 15,
  directives: 10,
  variables: 30,
  /** In the values of all variables, and as deep as JSON may be. */
  values: 1_000,
  /** All fields of the default pages of webhooks, invocations and attempts cost three quarters of it. */
  cost: 100_000,
} as const;

/** What a list multiplies the cost of its items with, and what reading one of them costs. */
interface List {
  readonly rows: (field: FieldNode, asked: Asked) => number;
  readonly perRow: number;
}

interface Asked {
  readonly variables: JsonObject;
  readonly operation: OperationDefinitionNode;
}

/** Lists without pages are short: what a webhook or an invocation usually has. */
const LISTS: ReadonlyMap<string, List> = new Map<string, List>([
  ['webhooks', { rows: (field, asked) => pageSizeOf(field, asked) ?? WEBHOOKS_DEFAULT, perRow: 5 }],
  ['invocations', { rows: (field, asked) => pageSizeOf(field, asked) ?? INVOCATIONS_DEFAULT, perRow: 20 }],
  ['headers', { rows: () => 5, perRow: 0 }],
  ['systemEventTypes', { rows: () => 2, perRow: 0 }],
  ['attempts', { rows: () => 4, perRow: 0 }],
]);

/** Undefined when the default counts. What is out of range is refused later; here it counts as the most there can be. */
const pageSizeOf = (field: FieldNode, { variables, operation }: Asked): number | undefined => {
  const given = field.arguments?.find(({ name }) => name.value === 'pageSize')?.value;
  if (given === undefined || given.kind === Kind.NULL) return undefined;
  if (given.kind === Kind.INT) return withinPage(Number(given.value));
  if (given.kind !== Kind.VARIABLE) return PAGE_SIZE_MAX;
  const name = given.name.value;
  const fallback = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name);
  const literal = fallback?.defaultValue?.kind === Kind.INT ? Number(fallback.defaultValue.value) : undefined;
  const value = Object.hasOwn(variables, name) ? variables[name] : literal;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' ? withinPage(value) : PAGE_SIZE_MAX;
};

const withinPage = (size: number): number => Math.min(Math.max(size, 0), PAGE_SIZE_MAX);

interface Size {
  /** Fields on this level. */
  readonly width: number;
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  readonly directives: number;
  readonly cost: number;
  readonly introspects: boolean;
}

const NOTHING: Size = {
  width: 0,
  depth: 0,
  fields: 0,
  aliases: 0,
  directives: 0,
  cost: 0,
  introspects: false,
};

const beside = (a: Size, b: Size): Size => ({
  width: a.width + b.width,
  depth: Math.max(a.depth, b.depth),
  fields: a.fields + b.fields,
  aliases: a.aliases + b.aliases,
  directives: a.directives + b.directives,
  cost: a.cost + b.cost,
  introspects: a.introspects || b.introspects,
});

/** The only fields through which a schema can be read. What is below them is not measured: few may ask for it. */
const INTROSPECTION: ReadonlySet<string> = new Set(['__schema', '__type']);

/** Measures with fragments put in: each is measured once and counts wherever it is spread. */
const measuring = (fragments: ReadonlyMap<string, SelectionSetNode>, asked: Asked) => {
  const measured = new Map<string, Size>();

  const sizeOfSet = (set: SelectionSetNode | undefined): Size =>
    (set?.selections ?? []).map(sizeOf).reduce(beside, NOTHING);

  const sizeOf = (selection: SelectionNode): Size => {
    const directives = selection.directives?.length ?? 0;
    switch (selection.kind) {
      case Kind.FIELD:
        return beside({ ...NOTHING, directives }, sizeOfField(selection));
      case Kind.INLINE_FRAGMENT:
        return beside({ ...NOTHING, directives }, sizeOfSet(selection.selectionSet));
      case Kind.FRAGMENT_SPREAD:
        return beside({ ...NOTHING, directives }, sizeOfFragment(selection.name.value));
    }
  };

  const sizeOfField = (field: FieldNode): Size => {
    const aliases = field.alias === undefined ? 0 : 1;
    const own = { ...NOTHING, width: 1, depth: 1, fields: 1, aliases, cost: 1 };
    if (INTROSPECTION.has(field.name.value)) return { ...own, introspects: true };
    const inner = sizeOfSet(field.selectionSet);
    const list = LISTS.get(field.name.value);
    const cost = list === undefined ? inner.cost : list.rows(field, asked) * (list.perRow + inner.cost);
    return {
      ...beside(own, inner),
      width: 1,
      depth: 1 + inner.depth,
      cost: 1 + cost,
    };
  };

  const sizeOfFragment = (name: string): Size => {
    const known = measured.get(name);
    if (known !== undefined) return known;
    // Of no size while it is measured: a fragment that leads to itself is refused by the validation.
    measured.set(name, NOTHING);
    const size = sizeOfSet(fragments.get(name));
    measured.set(name, size);
    return size;
  };

  return sizeOfSet;
};

export interface Measured {
  readonly isMutation: boolean;
  /** Whether it asks for the schema. */
  readonly introspects: boolean;
}

/** Left: what is too large, in words. */
export const withinLimits = (
  document: DocumentNode,
  variables: JsonObject,
  operationName: string | undefined,
): Either<string, Measured> => {
  const operations = document.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [operation] = operations;
  if (operation === undefined) return left('The document holds no operation.');
  if (operations.length > 1) return left('Send one operation a request.');
  if (operationName !== undefined && operation.name?.value !== operationName) {
    return left('The document holds no operation of the name that operationName says.');
  }
  if (operation.operation === OperationTypeNode.SUBSCRIPTION)
    return left('There are queries and mutations, no subscriptions.');
  if ((operation.variableDefinitions?.length ?? 0) > LIMITS.variables) return left(tooMany('variables'));

  if (countOfValues(variables) > LIMITS.values) return left(tooMany('values'));

  const fragments = document.definitions.filter(
    (definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION,
  );
  const sets = new Map(fragments.map(({ name, selectionSet }) => [name.value, selectionSet]));
  const sizeOf = measuring(sets, { variables, operation });
  const size = sizeOf(operation.selectionSet);
  // A fragment that is spread nowhere counts nowhere, but it is validated all the same.
  const inFragments = fragments.reduce((sum, { selectionSet }) => sum + sizeOf(selectionSet).fields, 0);
  const directives = size.directives + (operation.directives?.length ?? 0);
  if (size.width > LIMITS.rootFields) return left(tooMany('rootFields'));
  if (size.depth > LIMITS.depth) return left(`Fields are nested deeper than ${LIMITS.depth} levels.`);
  if (size.aliases > LIMITS.aliases) return left(tooMany('aliases'));
  if (directives > LIMITS.directives) return left(tooMany('directives'));
  if (size.fields > LIMITS.fields || inFragments > LIMITS.fields) return left(tooMany('fields'));
  if (size.cost > LIMITS.cost) {
    return left(
      `The request costs ${size.cost} and may cost ${LIMITS.cost}: about one for every value that is asked for. Ask for smaller pages or fewer fields.`,
    );
  }
  return right({
    isMutation: operation.operation === OperationTypeNode.MUTATION,
    introspects: size.introspects,
  });
};

/** Stops counting at one more than the most. */
const countOfValues = (variables: JsonObject): number => {
  const waiting: Json[] = [variables];
  let count = -1;
  for (let value = waiting.pop(); value !== undefined && count <= LIMITS.values; value = waiting.pop()) {
    count += 1;
    if (typeof value !== 'object' || value === null) continue;
    const inner: ReadonlyArray<Json> = Array.isArray(value) ? value : Object.values(value as JsonObject);
    if (inner.length > LIMITS.values) return inner.length;
    waiting.push(...inner);
  }
  return count;
};

const NAMES = {
  rootFields: 'fields on the first level',
  fields: 'fields',
  aliases: 'aliases',
  directives: 'directives',
  variables: 'variables',
  values: 'values in its variables',
} as const;

const tooMany = (what: keyof typeof NAMES): string => `A request has at most ${LIMITS[what]} ${NAMES[what]}.`;
