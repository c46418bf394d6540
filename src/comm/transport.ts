/** A one-way queue of equal messages from one rank to another. */
export interface ChannelSpec {
  readonly from: number;
  readonly to: number;
  readonly messageBytes: number;
  /** Messages that may wait in it; a sender that finds it full waits. */
  readonly slots: number;
}

/**
 * Moves bytes between ranks. Every call that waits ends within a fraction of a second once the run is aborted, by throwing `WorkError`.
 * Messages of a channel arrive in the order they were sent.
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
  /** Waits until all ranks have come. */
  barrier(): void;
  /** Every rank gives `values` (as many on each) and gets all of them, `[ranks, values]`, by rank. */
  gather(values: readonly number[]): Float64Array;
  /**
   * Sums the floats at `[byteOffset, byteOffset + 4 count)` of the state memory of this rank and of `partner`, who calls likewise; both get the
   * same bits. All ranks call this at the same time, each with its partner.
   */
  sumWithPartner(partner: number, byteOffset: number, count: number): void;
  /** Ends the run for everybody: waiting calls throw. */
  abort(): void;
}
