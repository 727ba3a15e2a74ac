import fc from 'fast-check';
import {
  RESOURCES,
  type Resource,
  type ResourceRef,
  type Trigger,
  TRIGGERS,
} from '../../src/domain/resources.ts';
import type { OpenTicketSelection, WebhookSettings } from '../../src/domain/webhook.ts';
import { BUILT_IN_RULES, couldFire } from '../../src/domain/rules.ts';

export const guid: fc.Arbitrary<string> = fc.uuid({ version: [4, 5] });

export const resource: fc.Arbitrary<Resource> = fc.constantFrom(...RESOURCES);

export const trigger: fc.Arbitrary<Trigger> = fc.constantFrom(...TRIGGERS);

/** Few different ones, so that they meet, and some that are hard to quote. */
export const identifier: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('1', '2', '3') },
  { weight: 1, arbitrary: fc.constantFrom("it's", 'a:b', 'ä/%_', '💺', '"') },
);

export const resourceRef: fc.Arbitrary<ResourceRef> = fc.record({ resource, identifier });

/** Only what could ever fire under the built-in rules; half of it for any identifier. */
export const selection: fc.Arbitrary<OpenTicketSelection> = fc
  .record({
    dialect: fc.constant('openticket' as const),
    resource,
    trigger,
    identifier: fc.oneof(fc.constant(''), identifier),
    triggeredByChildResources: fc.boolean(),
  })
  .filter(({ resource, trigger, triggeredByChildResources }) =>
    couldFire(BUILT_IN_RULES, resource, trigger, triggeredByChildResources),
  );

export const webhookSettings: fc.Arbitrary<WebhookSettings & { readonly selection: OpenTicketSelection }> =
  fc.record({
    name: fc.constantFrom('one', 'two'),
    url: fc.constantFrom('https://partner.example/a', 'https://partner.example/b'),
    retries: fc.nat({ max: 2 }),
    selection,
    retryBaseMs: fc.constantFrom(null, 10, 60_000),
    ordering: fc.constantFrom('none' as const, 'per_resource' as const),
    coalesce: fc.boolean(),
  });
