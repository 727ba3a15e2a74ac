import type { Invocation } from './api.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Scene } from './scene.ts';

/** The engine dies in the middle of its work, without warning, and comes back on the same folder. */

/** Requests that must be open at the receivers at that moment. */
const OPEN_AT_KILL = 5;

/** Half of the evening is reported, receivers are busy, and a report is on its way. */
export const worstMoment = ({ platform, receivers, reports }: Scene): boolean => {
  const { length: accepted } = platform.accepted;
  if (accepted === reports.length) return true;
  return (
    accepted >= reports.length / 2 && receivers.open.size >= OPEN_AT_KILL && platform.sending !== undefined
  );
};

/** Answers the engine that took over. */
export const killAndRestart = async (scene: Scene, engine: EngineProcess): Promise<EngineProcess> => {
  const { screen, receivers, platform, partner, signal } = scene;
  const open = receivers.open.size;
  const onItsWay = platform.sending === undefined ? '' : ', and one report was on its way';
  await engine.kill();
  screen.event(`kill -9 ${engine.pid}: ${open} requests were open at the receivers${onItsWay}`);

  const startedMs = performance.now();
  const restarted = await scene.startEngine(engine.port);
  await restarted.ready(signal);
  const tookMs = Math.round(performance.now() - startedMs);
  screen.event(`the engine is back as process ${restarted.pid} on the same folder, ready after ${tookMs} ms`);
  const interrupted = (await partner.invocations()).filter(wasInterrupted);
  screen.event(`${interrupted.length} attempts were in flight: recorded as interrupted, to be tried again`);
  return restarted;
};

export const wasInterrupted = ({ attempts }: Invocation): boolean =>
  attempts.some(({ outcome }) => outcome === 'interrupted');
