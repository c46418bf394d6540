import { abort, type Control, createWait } from './control.js';
import { type LaneMemory, openLane } from './lane.js';
import { type MailMemory, openMail } from './mail.js';

/**
 * Moves bytes between ranks, as the computing thread of one rank sees it. Every call that waits ends within a fraction of a second once the run is
 * aborted, by throwing `WorkError`. Messages of a channel arrive in the order they were sent.
 */
export interface Transport {
  readonly rank: number;
  readonly ranks: number;
  /** Copies the message out: its memory may change as soon as this returns. Waits while the channel is full. */
  send(channel: number, message: Uint8Array): void;
  /** Waits until the channel's next message is there. */
  waitForMessage(channel: number): void;
  /** Copies the channel's next message into `message`; waits for it if need be. */
  receive(channel: number, message: Uint8Array): void;
  /** Asks the communication lane for an operation; returns at once. What it reads must not change, nor what it writes be read, until `wait`. */
  post(operation: number): void;
  /** Waits until the operation is done. */
  wait(operation: number): void;
  /** Ends the run for everybody: waiting calls throw. */
  abort(): void;
}

/** The memory over which a rank talks: plain data that can be posted to a worker. */
export interface TransportMemory {
  readonly rank: number;
  readonly ranks: number;
  readonly control: Control;
  readonly mail: MailMemory;
  readonly lane: LaneMemory;
  /** Whether mail goes through the communication thread; within a process the ranks share the slots. */
  readonly carriesMail: boolean;
}

/** Opens the computing thread's side; a communication thread must serve the other one. */
export function openTransport(memory: TransportMemory): Transport {
  const { rank, ranks, control } = memory;
  const waitWhile = createWait(control);
  const lane = openLane(memory.lane, waitWhile);
  const mail = openMail(memory.mail, waitWhile, memory.carriesMail ? lane.ring : () => undefined);
  return { rank, ranks, ...mail, post: lane.post, wait: lane.wait, abort: () => abort(control) };
}
