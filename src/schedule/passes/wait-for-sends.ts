import { type LoweredSchedule, loweredCodes } from '../lowered.js';
import { type RankPass, rewriteLists } from './rewrite.js';

/**
 * Waits for each send: PyTorch's `_add_wait_send`. The message of a forward has left when the backward of the same chunk has run, which shows that the
 * receiver has had it; all others are waited for at the end, in the order of their sends.
 */
export function waitForSends(lowered: LoweredSchedule): LoweredSchedule {
  const { sendForward, sendBackward, waitSendForward, waitSendBackward } = loweredCodes;
  return rewriteLists(lowered, (flat, _rank, { push }): RankPass => {
    const { microbatches } = flat;
    // Keys are cells, those of backwards negative: an ordered set of what is under way.
    const pending = new Set<number>();
    return {
      after: (action, code, stage, microbatch) => {
        const cell = stage * microbatches + microbatch;
        if (code === sendForward) pending.add(cell);
        else if (code === sendBackward) pending.add(-1 - cell);
        const done = action < 0 ? -1 : (flat.backward[action] as number);
        if (done < 0 || !pending.delete(done)) return;
        push(waitSendForward, (done / microbatches) | 0, done % microbatches);
      },
      finish: () => {
        for (const key of pending) {
          const cell = key < 0 ? -1 - key : key;
          push(key < 0 ? waitSendBackward : waitSendForward, (cell / microbatches) | 0, cell % microbatches);
        }
      },
    };
  });
}
