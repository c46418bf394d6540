import { formatAction } from './action.js';
import { type CheckLimits, checkSchedule, formatRuns } from './check.js';
import { gradientsAreSummed, parametersAreGathered } from './check-stage-actions.js';
import { createIssueList, type ScheduleIssue } from './issues.js';
import { loweredCodes as codes, type LoweredSchedule } from './lowered.js';
import {
  describePlace,
  hasWaits,
  inputMessage,
  issueAt,
  type LoweredBook,
  openLoweredBook,
  ownerOf,
  placesOf,
  rankOf,
  receiverOf,
  senderOf,
  textOf,
  visitCommunication,
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

const isOfMessage = (code: number): boolean => code >= codes.sendForward;

function everyMessageIsNeeded(book: LoweredBook): ScheduleIssue[] {
  const { stages, microbatches } = book.flat;
  const issues = createIssueList();
  visitCommunication(book, (entry, code, stage) => {
    const isKnown = isOfMessage(code) ? (book.message[entry] as number) >= 0 : stage < stages;
    if (isKnown) return;
    const reason = stage < stages && isOfMessage(code) ? 'there is no such message between ranks' : 'it does not exist';
    const limits = `stages are 0 to ${stages - 1}, microbatches 0 to ${microbatches - 1}`;
    issues.add(() => issueAt(book, entry, 'range', `${textOf(book, entry)}: ${reason}; ${limits}`));
  });
  return issues.finish();
}

function everyStageIsOnItsRank(book: LoweredBook): ScheduleIssue[] {
  const issues = createIssueList();
  visitCommunication(book, (entry, _code, stage, rank) => {
    const owner = book.flat.stageToRank[stage];
    if (owner === undefined || owner === rank) return;
    issues.add(() => {
      const message = `${textOf(book, entry)} runs on rank ${rank}, but stage ${stage} is on rank ${owner}`;
      return issueAt(book, entry, 'rank', message);
    });
  });
  return issues.finish();
}

function nothingIsSentTwice(book: LoweredBook): ScheduleIssue[] {
  const issues = createIssueList();
  visitCommunication(book, (entry, code) => {
    const message = book.message[entry] as number;
    if (message < 0) return;
    const first = placesOf(book, code)[message] as number;
    if (first === entry) return;
    issues.add(() => {
      const message = `${textOf(book, entry)} has already run at ${describePlace(book, first)}`;
      return issueAt(book, entry, 'duplicate', message);
    });
  });
  return issues.finish();
}

/** Waits must be there for all sends if the file has any: files for PyTorch 2.14 and older have none. */
function everyMessageIsSentAndReceived(book: LoweredBook): ScheduleIssue[] {
  const { flat } = book;
  const kinds = ['send', 'receive', ...(hasWaits(book) ? (['wait'] as const) : [])] as const;
  const places = { send: book.sentAt, receive: book.receivedAt, wait: book.waitedAt };
  const issues = createIssueList();
  for (let stage = 0; stage < flat.stages; stage++) {
    for (const way of ['forward', 'backward'] as const) {
      for (const kind of kinds) {
        const missing: number[] = [];
        for (let microbatch = 0; microbatch < flat.microbatches; microbatch++) {
          const message = inputMessage(book, stage * flat.microbatches + microbatch, way);
          if (message >= 0 && places[kind][message] === -1) missing.push(microbatch);
        }
        if (missing.length > 0) issues.add(() => describeLack(book, stage, way, kind, missing));
      }
    }
  }
  return issues.finish();
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
  const issues = createIssueList();
  const look = (earlier: number, later: number, culprit: number): void => {
    if (earlier === -1 || later === -1 || earlier < later || rankOf(book, earlier) !== rankOf(book, later)) return;
    issues.add(() => {
      const [late, early] = [textOf(book, later), textOf(book, earlier)];
      return issueAt(book, culprit, 'order', `${late} runs before ${early}`);
    });
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
  return issues.finish();
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

/** No rank waits for ever when nothing is buffered. */
function ranksMeet(book: LoweredBook): ScheduleIssue[] {
  const { stoppedAt, waitOf } = executeLowered(book);
  const issues = createIssueList();
  for (let rank = 0; rank < book.flat.ranks; rank++) {
    const wait = waitOf(rank);
    if (wait === undefined) continue;
    const entry = stoppedAt[rank] as number;
    issues.add(() => {
      const message = `${textOf(book, entry)} waits for ever for ${describeWaitFor(book, wait)}`;
      return issueAt(book, entry, 'deadlock', message);
    });
  }
  return issues.finish();
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
