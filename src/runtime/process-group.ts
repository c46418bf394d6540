import { Worker } from 'node:worker_threads';
import { problemOf } from '../base/index.js';
import { abort, createControl, createMailMemory, type Launch, startMpiLane } from '../comm/index.js';
import { createArena } from '../device/index.js';
import { awaitBuilt, createCalls } from './calls.js';
import { planRunChannels } from './channels.js';
import { checkLimits } from './check-limits.js';
import { chooseCores } from './cores.js';
import type { RankGroup, RankState } from './group.js';
import { countRanks } from './layout.js';
import type { RankMethod, RankResult, WorkerData } from './protocol.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { layOutState } from './state-layout.js';

/** Starts this process's rank. Every call gives the results of all ranks, which tell each other theirs over MPI. */
export async function startProcessRank(spec: RunSpec, { rank, host }: Launch): Promise<RankGroup> {
  const ranks = countRanks(spec);
  const layouts = Array.from({ length: ranks }, (_, other) =>
    layOutState(spec, other, buildRankModel(spec, other).stages),
  );
  checkLimits([layouts[rank].bytes], spec.computeThreads);
  const arena = createArena(layouts[rank].bytes);
  const own: RankState = { layout: layouts[rank], state: arena.buffer };
  const control = createControl();
  const channels = planRunChannels(spec);
  // Other ranks' mail never comes through here.
  const mail = createMailMemory(
    channels.map((channel) => (channel.from === rank || channel.to === rank ? channel : { ...channel, slots: 0 })),
  );
  const { compute, communication } = chooseCores(spec, host);
  const connection = { rank, control, mail, carriesMail: true };
  const workerData: WorkerData = { spec, connection, arena, cores: compute };
  const worker = new Worker(new URL('./rank-worker.js', import.meta.url), { workerData, name: `rank ${rank}` });
  const calls = createCalls(control, [worker], [rank]);
  const [shared] = await awaitBuilt(calls);
  const lane = startMpiLane({ rank, ranks, control, mail, shared, cores: communication });
  const laneEnd = new Promise<void>((resolve) => void lane.once('exit', () => resolve()));
  calls.watch(rank, lane);
  const call: RankGroup['call'] = async (method, ...values) => {
    const [results] = await calls.call(method, ...values);
    return results as RankResult<RankMethod & typeof method>[];
  };
  return {
    states: [own],
    isLeader: rank === 0,
    call,
    async collectStates() {
      if (rank !== 0) {
        await call('collectState', []);
        return [own];
      }
      const all = layouts.map((layout, other) =>
        other === 0 ? own : { layout, state: new SharedArrayBuffer(layout.bytes) },
      );
      await call(
        'collectState',
        all.map(({ state, layout: { byteOffsets } }) => ({ state, layout: { byteOffsets } })),
      );
      return all;
    },
    async close(failure) {
      if (failure !== undefined) abort(control, problemOf(failure));
      else if (!calls.isOver()) await call('meet');
      await calls.close(laneEnd);
    },
  };
}
