import { formatAction } from './action.js';
import { type CheckLimits, checkSchedule, formatRuns, type IssueCode, type ScheduleIssue } from './check.js';
import { loweredCodes as codes, type LoweredSchedule } from './lowered.js';
import {
  inputMessage,
  type LoweredBook,
  openLoweredBook,
  ownerOf,
  placesOf,
  rankOf,
  receiverOf,
  senderOf,
  textOf,
} from './lowered-book.js';
import { executeLowered, type Wait } from './order-lowered.js';

type Rule = (book: LoweredBook) => ScheduleIssue[];

/** Every rule looks at all of the communication, so that all problems come out at once. */
const rules: readonly Rule[] = [
  everyMessageIsNeeded,
  everyStageIsOnItsRank,
  nothingIsSentTwice,
  everyMessageIsSentAndReceived,
  messagesFollowComputation,
  messagesDoNotCross,
  parametersAreGathered,
  gradientsAreSummed,
];

/**
 * All problems of a schedule with communication. Its computation goes first (`checkSchedule`): communication is looked at when that is free of issues,
 * and whether the ranks meet when the messages are. Linear in the number of entries.
 */
export function checkLowered(lowered: LoweredSchedule, limits: CheckLimits = {}): ScheduleIssue[] {
  const computation = checkSchedule(lowered.schedule, limits);
  if (computation.length > 0) return computation;
  const book = openLoweredBook(lowered);
  const issues = rules.flatMap((rule) => rule(book));
  return issues.length > 0 ? issues : ranksMeet(book);
}

/** Calls `visit` for all communication. */
function visitCommunication(
  book: LoweredBook,
  visit: (entry: number, code: number, stage: number, rank: number) => void,
): void {
  for (const [rank, list] of book.lowered.lists.entries()) {
    const start = book.entryStart[rank] as number;
    for (let position = 0; position < list.kind.length; position++) {
      const code = list.kind[position] as number;
      if (code !== codes.compute) visit(start + position, code, list.stage[position] as number, rank);
    }
  }
}

const isOfMessage = (code: number): boolean => code >= codes.sendForward;

function everyMessageIsNeeded(book: LoweredBook): ScheduleIssue[] {
  const { stages, microbatches } = book.flat;
  const issues: ScheduleIssue[] = [];
  visitCommunication(book, (entry, code, stage) => {
    const isKnown = isOfMessage(code) ? (book.message[entry] as number) >= 0 : stage < stages;
    if (isKnown) return;
    const reason = stage < stages && isOfMessage(code) ? 'there is no such message between ranks' : 'it does not exist';
    const limits = `stages are 0 to ${stages - 1}, microbatches 0 to ${microbatches - 1}`;
    issues.push(issueAt(book, entry, 'range', `${textOf(book, entry)}: ${reason}; ${limits}`));
  });
  return issues;
}

function everyStageIsOnItsRank(book: LoweredBook): ScheduleIssue[] {
  const issues: ScheduleIssue[] = [];
  visitCommunication(book, (entry, _code, stage, rank) => {
    const owner = book.flat.stageToRank[stage];
    if (owner === undefined || owner === rank) return;
    const message = `${textOf(book, entry)} runs on rank ${rank}, but stage ${stage} is on rank ${owner}`;
    issues.push(issueAt(book, entry, 'rank', message));
  });
  return issues;
}

function nothingIsSentTwice(book: LoweredBook): ScheduleIssue[] {
  const issues: ScheduleIssue[] = [];
  visitCommunication(book, (entry, code) => {
    const message = book.message[entry] as number;
    if (message < 0) return;
    const first = placesOf(book, code)[message] as number;
    if (first === entry) return;
    const text = textOf(book, entry);
    issues.push(issueAt(book, entry, 'duplicate', `${text} has already run at ${describePlace(book, first)}`));
  });
  return issues;
}

/** Waits must be there for all sends if the file has any: files for PyTorch 2.14 and older have none. */
function everyMessageIsSentAndReceived(book: LoweredBook): ScheduleIssue[] {
  const { flat } = book;
  const kinds = ['send', 'receive', ...(hasWaits(book) ? (['wait'] as const) : [])] as const;
  const places = { send: book.sentAt, receive: book.receivedAt, wait: book.waitedAt };
  const issues: ScheduleIssue[] = [];
  for (let stage = 0; stage < flat.stages; stage++) {
    for (const way of ['forward', 'backward'] as const) {
      for (const kind of kinds) {
        const missing: number[] = [];
        for (let microbatch = 0; microbatch < flat.microbatches; microbatch++) {
          const message = inputMessage(book, stage * flat.microbatches + microbatch, way);
          if (message >= 0 && places[kind][message] === -1) missing.push(microbatch);
        }
        if (missing.length > 0) issues.push(describeLack(book, stage, way, kind, missing));
      }
    }
  }
  return issues;
}

function describeLack(
  book: LoweredBook,
  receiver: number,
  way: 'forward' | 'backward',
  kind: 'send' | 'receive' | 'wait',
  missing: readonly number[],
): ScheduleIssue {
  const { flat } = book;
  const cell = receiver * flat.microbatches + (missing[0] as number);
  const from = senderOf(book, inputMessage(book, cell, way));
  const stage = kind === 'receive' ? receiver : (from / flat.microbatches) | 0;
  const suffix = way === 'forward' ? 'Forward' : 'Backward';
  const action = { send: `send${suffix}`, receive: `receive${suffix}`, wait: `waitSend${suffix}` } as const;
  const text = formatAction({ kind: action[kind], stage, microbatch: missing[0] as number });
  const message = `${text} is missing (microbatch ${formatRuns(missing)}): ${way} from stage ${(from / flat.microbatches) | 0} to ${receiver}`;
  return { code: 'missing', rank: flat.stageToRank[stage] as number, position: null, message };
}

/** A send comes after what it sends, a receive before what needs it, a wait after its send. */
function messagesFollowComputation(book: LoweredBook): ScheduleIssue[] {
  const { cells, sentAt, receivedAt, waitedAt } = book;
  const issues: ScheduleIssue[] = [];
  const look = (earlier: number, later: number, culprit: number): void => {
    if (earlier === -1 || later === -1 || earlier < later || rankOf(book, earlier) !== rankOf(book, later)) return;
    const [late, early] = [textOf(book, later), textOf(book, earlier)];
    issues.push(issueAt(book, culprit, 'order', `${late} runs before ${early}`));
  };
  for (let message = 0; message < 2 * cells; message++) {
    const sent = sentAt[message] as number;
    const received = receivedAt[message] as number;
    const waited = waitedAt[message] as number;
    if (sent === -1 && received === -1 && waited === -1) continue;
    const computed = message < cells ? book.forwardAt : book.backwardAt;
    look(computed[senderOf(book, message)] as number, sent, sent);
    look(received, computed[receiverOf(book, message)] as number, received);
    look(sent, waited, waited);
  }
  return issues;
}

/** Messages from one rank to another have no names on the way: the receives must stand in the order of the sends. Told once a pair of ranks. */
function messagesDoNotCross(book: LoweredBook): ScheduleIssue[] {
  const { flat, sentAt, receivedAt, cells } = book;
  const numberOf = new Int32Array(2 * cells);
  const visitPaired = (places: Int32Array, visit: (message: number, pair: number, entry: number) => void): void => {
    visitCommunication(book, (entry) => {
      const message = book.message[entry] as number;
      if (message < 0 || places[message] !== entry || sentAt[message] === -1 || receivedAt[message] === -1) return;
      const pair = ownerOf(book, senderOf(book, message)) * flat.ranks + ownerOf(book, receiverOf(book, message));
      visit(message, pair, entry);
    });
  };
  const sends = new Map<number, number>();
  visitPaired(sentAt, (message, pair) => {
    const count = sends.get(pair) ?? 0;
    numberOf[message] = count;
    sends.set(pair, count + 1);
  });
  const receives = new Map<number, number>();
  const issues = new Map<number, ScheduleIssue>();
  visitPaired(receivedAt, (message, pair, entry) => {
    const count = receives.get(pair) ?? 0;
    receives.set(pair, count + 1);
    if (numberOf[message] === count || issues.has(pair)) return;
    const order = `is receive ${count + 1} from rank ${Math.floor(pair / flat.ranks)}, which sends that as message ${(numberOf[message] as number) + 1}`;
    issues.set(pair, issueAt(book, entry, 'crossing', `${textOf(book, entry)} ${order}`));
  });
  return [...issues.values()];
}

/** A stage that is sharded at all computes while its parameters are gathered, and they are given back at the end. */
function parametersAreGathered(book: LoweredBook): ScheduleIssue[] {
  const { flat, entryStart } = book;
  const isSharded = new Uint8Array(flat.stages);
  visitCommunication(book, (_entry, code, stage) => {
    if (stage < flat.stages && (code === codes.unshard || code === codes.reshard)) isSharded[stage] = 1;
  });
  const issues: ScheduleIssue[] = [];
  const isGathered = new Uint8Array(flat.stages);
  const complain = (entry: number, message: string): void => {
    issues.push(issueAt(book, entry, 'sharding', `${textOf(book, entry)}: ${message}`));
  };
  for (const [rank, list] of book.lowered.lists.entries()) {
    for (let position = 0, entry = entryStart[rank] as number; position < list.kind.length; position++, entry++) {
      const stage = list.stage[position] as number;
      const code = list.kind[position] as number;
      if (code === codes.compute) {
        for (const cells of [flat.forward, flat.backward, flat.weight]) {
          const cell = cells[book.action[entry] as number] as number;
          const needed = cell < 0 ? -1 : (cell / flat.microbatches) | 0;
          if (needed >= 0 && isSharded[needed] === 1 && isGathered[needed] === 0)
            complain(entry, `stage ${needed} is not gathered`);
        }
      } else if (code === codes.unshard || code === codes.reshard) {
        if (stage >= flat.stages) continue;
        const wanted = code === codes.unshard ? 0 : 1;
        if (isGathered[stage] !== wanted)
          complain(entry, `stage ${stage} is ${wanted === 0 ? 'already' : 'not'} gathered`);
        isGathered[stage] = 1 - wanted;
      }
    }
  }
  for (const [stage, value] of isGathered.entries()) {
    if (value === 0) continue;
    const message = `stage ${stage} is still gathered at the end`;
    issues.push({ code: 'sharding', rank: flat.stageToRank[stage] as number, position: null, message });
  }
  return issues;
}

/**
 * If gradients are summed at all, and always with two copies of the model, every stage's are, once, after its last backward. With waits, each sum is
 * waited for before the rank's next one.
 */
function gradientsAreSummed(book: LoweredBook): ScheduleIssue[] {
  const { flat, lowered, lastGradientAt } = book;
  const summedAt = new Int32Array(flat.stages).fill(-1);
  const pendingStage = new Int32Array(flat.ranks).fill(-1);
  const needsWait = hasWaits(book);
  const issues: ScheduleIssue[] = [];
  const complain = (entry: number, message: string): void => {
    issues.push(issueAt(book, entry, 'reduction', `${textOf(book, entry)} ${message}`));
  };
  visitCommunication(book, (entry, code, stage, rank) => {
    if (stage >= flat.stages) return;
    if (code === codes.reduceGrad) {
      const last = lastGradientAt[stage] as number;
      if (summedAt[stage] !== -1)
        complain(entry, `has already run at ${describePlace(book, summedAt[stage] as number)}`);
      else if (entry < last && rankOf(book, last) === rank) complain(entry, `runs before ${textOf(book, last)}`);
      if (pendingStage[rank] !== -1 && needsWait)
        complain(entry, `runs before the wait for stage ${pendingStage[rank]}`);
      pendingStage[rank] = stage;
      summedAt[stage] = entry;
    } else if (code === codes.waitReduceGrad) {
      if (pendingStage[rank] !== stage) complain(entry, 'waits for a sum that is not under way');
      pendingStage[rank] = -1;
    }
  });
  if (needsWait) {
    for (const [rank, stage] of pendingStage.entries()) {
      if (stage !== -1) issues.push(lackOfSum(book, rank, 'waitReduceGrad', stage));
    }
  }
  if (summedAt.every((entry) => entry === -1) && lowered.schedule.pipelines.length === 1) return issues;
  for (const [stage, entry] of summedAt.entries()) {
    if (entry === -1) issues.push(lackOfSum(book, flat.stageToRank[stage] as number, 'reduceGrad', stage));
  }
  return issues;
}

function lackOfSum(
  { lowered }: LoweredBook,
  rank: number,
  kind: 'reduceGrad' | 'waitReduceGrad',
  stage: number,
): ScheduleIssue {
  const mirrored = lowered.schedule.pipelines.length > 1 ? ', whose gradients are summed with its mirrored stage' : '';
  const message = `${formatAction({ kind, stage })} is missing: stage ${stage}${mirrored}`;
  return { code: 'reduction', rank, position: null, message };
}

/** No rank waits for ever when nothing is buffered. */
function ranksMeet(book: LoweredBook): ScheduleIssue[] {
  const { stoppedAt, waitOf } = executeLowered(book);
  const issues: ScheduleIssue[] = [];
  for (let rank = 0; rank < book.flat.ranks; rank++) {
    const wait = waitOf(rank);
    if (wait === undefined) continue;
    const entry = stoppedAt[rank] as number;
    const message = `${textOf(book, entry)} waits for ever for ${describeWaitFor(book, wait)}`;
    issues.push(issueAt(book, entry, 'deadlock', message));
  }
  return issues;
}

function describeWaitFor(book: LoweredBook, wait: Wait): string {
  const { flat } = book;
  if (wait.for === 'reduction') {
    const text = formatAction({ kind: 'reduceGrad', stage: wait.stage });
    return `${text}, which rank ${flat.stageToRank[wait.stage]} does not reach`;
  }
  const entry = (wait.for === 'send' ? book.sentAt : book.receivedAt)[wait.message] as number;
  return `${textOf(book, entry)}, which rank ${rankOf(book, entry)} does not reach`;
}

function hasWaits(book: LoweredBook): boolean {
  return book.lowered.lists.some(({ kind }) =>
    [codes.waitSendForward, codes.waitSendBackward, codes.waitReduceGrad].some((code) => kind.includes(code)),
  );
}

function describePlace(book: LoweredBook, entry: number): string {
  const rank = rankOf(book, entry);
  return `rank ${rank}, position ${entry - (book.entryStart[rank] as number)}`;
}

function issueAt(book: LoweredBook, entry: number, code: IssueCode, message: string): ScheduleIssue {
  const rank = rankOf(book, entry);
  return { code, rank, position: entry - (book.entryStart[rank] as number), message };
}
