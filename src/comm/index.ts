export {
  chunkOperation,
  createGather,
  createShare,
  type Gather,
  gatherOperation,
  type Share,
  valuesBytes,
} from './collectives.js';
export { abort, type Control, createControl, readCause } from './control.js';
export { createLaneMemory, type LaneMemory, now } from './lane.js';
export { type ChannelSpec, createMailMemory, type MailMemory } from './mail.js';
export { listSlotMoves, type SlotMove } from './moves.js';
export { findLaunch, type Launch } from './mpi/launch.js';
export { startMpiLane } from './mpi/start.js';
export { needsSupervisor, speakingTurn, superviseRank } from './mpi/supervisor.js';
export {
  type MovesOperation,
  type Operation,
  type PartsOperation,
  type Place,
  partBounds,
  type RankBuffers,
  type ReplicasOperation,
  type RowsOperation,
  type RowsTensor,
  type SlotArea,
} from './operations.js';
export type { SharedRank } from './threads/lane.js';
export { startThreadsLane } from './threads/start.js';
export { openTransport, type Transport, type TransportMemory } from './transport.js';
