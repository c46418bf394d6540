import { Worker } from 'node:worker_threads';
import { createControl, createMailMemory, startThreadsLane } from '../comm/index.js';
import { createArena } from '../device/index.js';
import { awaitBuilt, createCalls } from './calls.js';
import { planRunChannels } from './channels.js';
import { checkLimits } from './check-limits.js';
import { chooseCores } from './cores.js';
import type { RankGroup } from './group.js';
import { countRanks } from './layout.js';
import type { RankMethod, RankResult, WorkerData } from './protocol.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { layOutState } from './state-layout.js';

/** Starts all ranks as threads of this process: a computing and a communication thread each. */
export async function startThreadRanks(spec: RunSpec): Promise<RankGroup> {
  const layouts = Array.from({ length: countRanks(spec) }, (_, rank) =>
    layOutState(spec, rank, buildRankModel(spec, rank).stages),
  );
  checkLimits(
    layouts.map(({ bytes }) => bytes),
    spec.computeThreads,
  );
  const arenas = layouts.map(({ bytes }) => createArena(bytes));
  const states = layouts.map((layout, rank) => ({ layout, state: arenas[rank].buffer }));
  const control = createControl();
  const mail = createMailMemory(planRunChannels(spec));
  const cores = layouts.map((_, rank) => chooseCores(spec, { rank, ranks: layouts.length }));
  const workers = arenas.map((arena, rank) => {
    const connection = { rank, control, mail, carriesMail: false };
    const workerData: WorkerData = { spec, connection, arena, cores: cores[rank].compute };
    return new Worker(new URL('./rank-worker.js', import.meta.url), { workerData, name: `rank ${rank}` });
  });
  const calls = createCalls(control, workers, [...workers.keys()]);
  const shared = await awaitBuilt(calls);
  const link = spec.emulatedBytesPerSecond;
  for (const rank of shared.keys()) {
    const emulated = link === undefined ? {} : { emulatedBytesPerSecond: link };
    calls.watch(
      rank,
      startThreadsLane({ rank, control, ranks: shared, cores: cores[rank].communication, ...emulated }),
    );
  }
  return {
    states,
    isLeader: true,
    call: async (method, ...values) =>
      (await calls.call(method, ...values)) as RankResult<RankMethod & typeof method>[],
    collectStates: () => Promise.resolve(states),
    close: () => calls.close(),
  };
}
