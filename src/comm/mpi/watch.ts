import { type Problem, WorkError } from '../../base/index.js';
import { ANY_RANK } from './api.js';
import type { Requests } from './requests.js';
import { checkSupervisor } from './supervisor.js';

/** Tags that the watch uses; others begin at the count of them. */
const heartbeatTag = 0;
const endTag = 1;
export const WATCH_TAGS = 2;

const HEARTBEAT_SECONDS = 1;
/** A rank that was silent for so long is lost. */
const SILENCE_SECONDS = 5;
/** After a pause of this process that long, the silence of others means nothing. */
const PAUSE_SECONDS = 2;
/** How long the others' end is waited for when they are told of it. */
const FAREWELL_SECONDS = 1;

/** Room for the cause of an end, as JSON. */
const CAUSE_BYTES = 4096;

/** Sees to it that no rank waits for one that is no more: each hears from the rank before it, in a ring, every second. */
export interface Watch {
  /** To be called often. Throws `WorkError` if a rank is lost, or if one has ended the run: with its cause. */
  look(seconds: number): void;
  /** Requests that the watch alone keeps under way. */
  requests(): number;
  /** Tells all other ranks that the run is over, and why; gives up after a second. */
  tellOthers(cause: Problem): void;
}

interface State {
  /** When the rank before was heard, when this was looked at, and when this rank was last to be heard: seconds. */
  heard: number;
  looked: number;
  sent: number;
  /** Heartbeats under way: 0 or 1. */
  sending: number;
  /** The cause that another rank sent. */
  ended?: Problem;
}

export function createWatch(rank: number, ranks: number, requests: Requests): Watch {
  if (ranks === 1) return { look: () => undefined, requests: () => 0, tellOthers: () => undefined };
  const state: State = { heard: Infinity, looked: 0, sent: -Infinity, sending: 0 };
  const before = (rank + ranks - 1) % ranks;
  const [incoming, outgoing] = [new Uint8Array(new ArrayBuffer(4)), new Uint8Array(new ArrayBuffer(4))];
  const listen = () =>
    requests.receive(incoming, before, heartbeatTag, () => {
      state.heard = state.looked;
      listen();
    });
  const room = new Uint8Array(CAUSE_BYTES);
  listen();
  requests.receive(room, ANY_RANK, endTag, (bytes) => {
    state.ended = decodeCause(room.subarray(0, bytes));
  });
  const beat = (seconds: number) => {
    if (state.sending > 0 || seconds - state.sent < HEARTBEAT_SECONDS) return;
    state.sent = seconds;
    checkSupervisor(rank);
    state.sending = 1;
    requests.send(outgoing, (rank + 1) % ranks, heartbeatTag, () => {
      state.sending = 0;
    });
  };
  return {
    look(seconds) {
      if (seconds - state.looked > PAUSE_SECONDS) state.heard = seconds;
      state.looked = seconds;
      if (state.ended !== undefined) throw new WorkError(state.ended);
      if (seconds - state.heard > SILENCE_SECONDS)
        throw new WorkError({ what: `rank ${before} was lost: nothing was heard of it for ${SILENCE_SECONDS} s` });
      beat(seconds);
    },
    requests: () => 2 + state.sending,
    tellOthers: (cause) => tellOthers(rank, ranks, requests, cause),
  };
}

function tellOthers(rank: number, ranks: number, requests: Requests, cause: Problem): void {
  const bytes = encodeCause(cause);
  let waiting = ranks - 1;
  const until = performance.now() + 1000 * FAREWELL_SECONDS;
  for (let other = 0; other < ranks; other++) {
    if (other === rank) continue;
    ignoreErrors(() =>
      requests.send(bytes, other, endTag, () => {
        waiting--;
      }),
    );
  }
  ignoreErrors(() => {
    while (waiting > 0 && performance.now() < until) requests.poll();
  });
}

function encodeCause({ what, where, mend }: Problem): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify({ what, where, mend }));
  if (bytes.length <= CAUSE_BYTES) return bytes;
  return encodeCause({ what: `${what.slice(0, CAUSE_BYTES / 8)}…` });
}

function decodeCause(bytes: Uint8Array): Problem {
  const { what, where, mend } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Problem>;
  return { what: String(what), ...(where !== undefined && { where }), ...(mend !== undefined && { mend }) };
}

/** Of a message to a rank that is lost; the run is over anyway. */
function ignoreErrors(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof WorkError)) throw error;
  }
}
