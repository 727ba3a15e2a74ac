import { describe, expect, it } from 'vitest';
import { PARTITIONS } from '../src/domain/partitions.ts';
import { nodeStatuses } from '../src/sharing.ts';
import { VERSION } from '../src/version.ts';
import { type Process, World } from './support/engine-world.ts';

const self = { url: 'http://127.0.0.1:8080', startedAtMs: 1, nowMs: 2 };
const settings = { CALLBOARD_RETRY_BASE_MS: '1000' };

describe('the nodes, as one of them lists them', () => {
  it('are this one alone where the store is not shared', async () => {
    const { engine } = (await World.started()).process;
    const [alone, ...others] = nodeStatuses({ settings }, engine, self);
    expect(others).toEqual([]);
    expect(alone).toMatchObject({ node: 'alone', isThis: true, version: VERSION, settings, differsIn: [] });
    expect(alone?.partitions).toHaveLength(PARTITIONS);
    expect(alone).not.toHaveProperty('leaseMs');
  });

  it('tell their leases, how they are set up, and in what they differ from this one', async () => {
    const world = new World({ leaseMs: 6_000 });
    world.setUp = { version: VERSION, settings };
    const one = await world.start();
    world.leaseMs = 3_000;
    world.setUp = { version: '0.0.1', settings: { CALLBOARD_RETRY_BASE_MS: '2000' } };
    const two = await world.start();
    await world.clock.advance(6_000);
    const listedBy = ({ membership, engine }: Process) => {
      if (membership === undefined) throw new Error('it shares the store');
      return nodeStatuses({ membership, settings }, engine, self);
    };
    expect(listedBy(one)).toMatchObject([
      { node: one.membership?.node, isThis: true, leaseMs: 6_000, settings, differsIn: [] },
      {
        node: two.membership?.node,
        isThis: false,
        leaseMs: 3_000,
        settings: { CALLBOARD_RETRY_BASE_MS: '2000' },
        differsIn: ['version', 'CALLBOARD_RETRY_BASE_MS'],
      },
    ]);
    const partitions = listedBy(one).flatMap((node) => node.partitions);
    expect(new Set(partitions).size).toBe(PARTITIONS);
  });
});
