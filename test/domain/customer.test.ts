import { describe, expect, it } from 'vitest';
import { customerIn } from '../../src/domain/customer.ts';
import type { Json } from '../../src/domain/json.ts';

const cases: ReadonlyArray<readonly [Json, string | undefined]> = [
  [{ customer: { email: ' Fred@Example.ORG ', id: 7 } }, 'email fred@example.org'],
  [{ Customer: { 'E-Mail': 'fred@example.org' } }, 'email fred@example.org'],
  [{ buyer: { emailAddress: 'fred@example.org' } }, 'email fred@example.org'],
  [{ customer: { id: 7 }, buyer: { email: 'fred@example.org' } }, 'email fred@example.org'],
  [{ customer_email: 'fred@example.org' }, 'email fred@example.org'],
  [{ customer: { id: 7, email: '***' } }, 'id 7'],
  [{ customer: { id: '', email: null } }, undefined],
  [{ customer: 'Fred' }, undefined],
  [{ note: 'fred@example.org' }, undefined],
  [null, undefined],
];

describe('the customer of a report', () => {
  it.each(cases)('in %j is %s', (data, expected) => {
    const found = customerIn(data, 'order');
    expect(found && `${found.by} ${found.value}`).toBe(expected);
  });

  it('of anything but an order or a scan is named as such', () => {
    expect(customerIn({ email: 'desk@venue.example' }, 'event')).toBeUndefined();
    expect(customerIn({ customer: { email: 'fred@example.org' } }, 'event')).toEqual({
      by: 'email',
      value: 'fred@example.org',
    });
  });
});
