import { describe, expect, it } from 'vitest';
import { systemResolver } from '../../src/adapters/system-resolver.ts';

describe('systemResolver', () => {
  it.each(['localhost', 'LOCALHOST.'])('knows %s without DNS', async (name) => {
    const addresses = await systemResolver()(name);
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(['127.0.0.1', '::1']).toContain(address);
  });

  it('rejects with a code what is no name', async () => {
    const failure: unknown = await systemResolver()('not a name').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toHaveProperty('code');
  });

  it('asks once for those who ask at the same time, and again later', async () => {
    const resolve = systemResolver();
    const first = resolve('localhost');
    expect(resolve('localhost')).toBe(first);
    await first;
    expect(resolve('localhost')).not.toBe(first);
  });
});
