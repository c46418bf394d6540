import type { MailMemory, Transport } from '../comm/index.js';
import { STATE_MESSAGE_BYTES, stateChannelOf } from './channels.js';
import type { Layout } from './layout.js';
import type { StateLayout } from './state-layout.js';

/** Memory of a rank's state and where in it what lasts from step to step lies. */
export interface CollectedState {
  readonly state: SharedArrayBuffer;
  readonly layout: Pick<StateLayout, 'byteOffsets'>;
}

/** Sends this rank's state to rank 0; rank 0 receives those of the others into `states`, by rank. Gradients stay where they are. */
export type CollectState = (states: readonly CollectedState[]) => void;

export function createStateCollector(options: {
  readonly spec: Layout;
  readonly transport: Transport;
  readonly mail: MailMemory;
  readonly own: CollectedState;
}): CollectState {
  const { spec, transport, mail, own } = options;
  const channelOf = (rank: number) => stateChannelOf(spec, mail.channels.length, rank);
  const message = new Uint8Array(STATE_MESSAGE_BYTES);
  const send = () => {
    for (const piece of listPieces(own)) {
      message.set(piece);
      transport.send(channelOf(transport.rank), message);
    }
  };
  const receive = (state: CollectedState, rank: number) => {
    for (const piece of listPieces(state)) {
      transport.receive(channelOf(rank), message);
      piece.set(message.subarray(0, piece.length));
    }
  };
  return (states) => {
    if (transport.rank !== 0) send();
    else for (const [rank, state] of states.entries()) if (rank !== 0) receive(state, rank);
  };
}

/** Parameters, then moments, buffers and counts, in pieces of a message. */
function listPieces({ state, layout: { byteOffsets } }: CollectedState): Uint8Array[] {
  const stretches = [
    [byteOffsets.parameters, byteOffsets.gradients],
    [byteOffsets.firstMoments, byteOffsets.lastingEnd],
  ];
  return stretches.flatMap(([first, end]) => {
    const count = Math.ceil((end - first) / STATE_MESSAGE_BYTES);
    return Array.from({ length: count }, (_, index) => {
      const start = first + index * STATE_MESSAGE_BYTES;
      return new Uint8Array(state, start, Math.min(STATE_MESSAGE_BYTES, end - start));
    });
  });
}
