import { createRequestQueue, type LaneRequest } from './request-queue.js';

/** What the events of a transfer say. */
export interface TransferLabel {
  readonly label: string;
  readonly stage: number;
  readonly microbatch: number;
}

/** An all-to-all of the expert ranks of one pipeline rank. */
export interface Exchange {
  /** `[expert rank]`: when the rank has all its rows; undefined until that is known. */
  ends: readonly number[] | undefined;
}

interface OpenExchange extends Exchange {
  posted: number;
  ready: number;
}

interface Request extends LaneRequest {
  /** Of an exchange that all ranks have posted, `[expert rank]`; of a message, one. */
  readonly seconds: readonly number[];
  readonly text: TransferLabel;
  /** Tells the end for each of `seconds`. */
  readonly finish: (ends: readonly number[]) => void;
}

/** A rank as the communication sees it. */
export interface Sender {
  readonly pipelineRank: number;
  readonly expertRank: number;
  readonly worldRank: number;
}

export interface CommunicationOptions {
  readonly worldRanks: number;
  readonly expert: number;
  /** Called when it is known when an exchange ends that the rank has joined. */
  readonly wake: (worldRank: number) => void;
  /** Called when a rank's lane moves something. */
  readonly record: (worldRank: number, text: TransferLabel, start: number, end: number) => void;
}

/** The communication lanes of all ranks. */
export interface Communication {
  /** `[world rank]`: time in which the lane moves something. */
  readonly busy: readonly number[];
  /**
   * A rank joins its group's next exchange at `time`; all ranks of a group join the same ones in the same order. It begins when the last has joined and
   * their lanes are free, and takes each rank its own `seconds`.
   */
  readonly post: (sender: Sender, time: number, seconds: readonly number[], text: TransferLabel) => Exchange;
  /** A rank's message leaves at `time` or when the lane is free; `arrive` is told when it has arrived. */
  readonly send: (
    sender: Sender,
    time: number,
    seconds: number,
    text: TransferLabel,
    arrive: (time: number) => void,
  ) => void;
  /** Moves what is ready first; false if there is nothing. To be called when every rank waits: nothing that comes later is ready earlier. */
  readonly serve: () => boolean;
}

/**
 * Lanes that each move one thing at a time, in the order in which things are ready. What takes no time needs no lane: messages and exchanges
 * within a memory.
 */
export function createCommunication({ worldRanks, expert, wake, record }: CommunicationOptions): Communication {
  const queue = createRequestQueue<Request>();
  const free = new Array<number>(worldRanks).fill(0);
  const busy = new Array<number>(worldRanks).fill(0);
  const sequences = new Array<number>(worldRanks).fill(0);
  const open = new Map<number, OpenExchange>();

  const move = (request: Request): void => {
    const { ready, pipelineRank, expertRank, seconds, text } = request;
    const first = pipelineRank * expert + expertRank;
    const start = seconds.reduce((latest, _, index) => Math.max(latest, free[first + index]), ready);
    const ends = seconds.map((time, index) => {
      const end = start + time;
      free[first + index] = end;
      busy[first + index] += time;
      if (time > 0) record(first + index, text, start, end);
      return end;
    });
    request.finish(ends);
  };
  const ask = (request: Request): void => {
    if (request.seconds.every((time) => time === 0)) request.finish(request.seconds.map(() => request.ready));
    else queue.add(request);
  };
  const join = (key: number): OpenExchange => {
    const exchange = open.get(key) ?? { posted: 0, ready: 0, ends: undefined };
    open.set(key, exchange);
    return exchange;
  };
  return {
    busy,
    post: ({ pipelineRank, worldRank }, time, seconds, text) => {
      const sequence = sequences[worldRank]++;
      const key = sequence * worldRanks + pipelineRank;
      const exchange = join(key);
      exchange.posted++;
      exchange.ready = Math.max(exchange.ready, time);
      if (exchange.posted === expert) {
        open.delete(key);
        const finish = (ends: readonly number[]) => {
          exchange.ends = ends;
          for (let index = 0; index < expert; index++) wake(pipelineRank * expert + index);
        };
        ask({ ready: exchange.ready, pipelineRank, sequence, expertRank: 0, seconds, text, finish });
      }
      return exchange;
    },
    send: ({ pipelineRank, expertRank, worldRank }, ready, seconds, text, arrive) => {
      const sequence = sequences[worldRank]++;
      const finish = ([end]: readonly number[]) => arrive(end);
      ask({ ready, pipelineRank, sequence, expertRank, seconds: [seconds], text, finish });
    },
    serve: () => {
      const request = queue.take();
      if (request !== undefined) move(request);
      return request !== undefined;
    },
  };
}
