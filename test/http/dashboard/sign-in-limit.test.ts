import { expect, it } from 'vitest';
import { FAILURES_MAX, ONE_MORE_MS, SignInLimit } from '../../../src/http/dashboard/sign-in-limit.ts';

const story = () => {
  const clock = { nowMs: 5_000, monotonicMs: () => clock.nowMs };
  const limit = new SignInLimit(clock);
  const fail = (address: string, times = FAILURES_MAX): void => {
    for (let time = 0; time < times; time += 1) limit.failed(address);
  };
  return { clock, limit, fail };
};

it('makes an address wait after so many failures, and lets it try again one by one', () => {
  const { clock, limit, fail } = story();
  fail('192.0.2.1', FAILURES_MAX - 1);
  expect(limit.waitSeconds('192.0.2.1')).toBe(0);
  fail('192.0.2.1', 1);
  expect(limit.waitSeconds('192.0.2.1')).toBe(ONE_MORE_MS / 1000);
  expect(limit.waitSeconds('192.0.2.2')).toBe(0);
  clock.nowMs += ONE_MORE_MS;
  expect(limit.waitSeconds('192.0.2.1')).toBe(0);
  fail('192.0.2.1', 1);
  expect(limit.waitSeconds('192.0.2.1')).toBe(ONE_MORE_MS / 1000);
  clock.nowMs += FAILURES_MAX * ONE_MORE_MS;
  fail('192.0.2.1', FAILURES_MAX - 1);
  expect(limit.waitSeconds('192.0.2.1')).toBe(0);
});

it('takes the addresses of one IPv6 network for one, however they are written', () => {
  const { limit, fail } = story();
  fail('2001:db8:0:7::1');
  expect(limit.waitSeconds('2001:db8:0:7:ffff:1:2:3')).toBeGreaterThan(0);
  expect(limit.waitSeconds('2001:db8:0:8::1')).toBe(0);
  fail('::ffff:192.0.2.1');
  expect(limit.waitSeconds('::ffff:192.0.2.2')).toBe(0);
});
