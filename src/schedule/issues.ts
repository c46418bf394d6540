/**
 * The rule that does not hold. With communication: `crossing` is about messages of a pair of ranks that are not
 * received in the order in which they are sent, `sharding` about parameters that are not gathered where they are
 * needed, `reduction` about sums of gradients.
 */
export type IssueCode =
  | 'shape'
  | 'range'
  | 'rank'
  | 'duplicate'
  | 'missing'
  | 'split'
  | 'order'
  | 'deadlock'
  | 'activations'
  | 'crossing'
  | 'sharding'
  | 'reduction';

/**
 * One problem of a schedule. `rank` and `position` (in the rank's list) are null where the problem has no such place.
 */
export interface ScheduleIssue {
  readonly code: IssueCode;
  readonly rank: number | null;
  readonly position: number | null;
  readonly message: string;
  /** How many more problems of its kind it stands for, which are not told. */
  readonly others?: number;
}

/** The most problems of a rule that are told. */
const mostTold = 100;

/** Takes the problems that a rule finds. */
export interface IssueList {
  /** `make` is called for those that are told. */
  readonly add: (make: () => ScheduleIssue) => void;
  /** What is told; the last one stands for those that are not. */
  readonly finish: () => ScheduleIssue[];
}

/**
 * A list that holds the first problems of a rule and counts the others, so that a file of millions of them is told at
 * once.
 */
export function createIssueList(): IssueList {
  const told: ScheduleIssue[] = [];
  let others = 0;
  return {
    add: (make) => {
      if (told.length < mostTold) told.push(make());
      else others++;
    },
    finish: () =>
      others === 0 ? told : told.map((issue, index) => (index < mostTold - 1 ? issue : { ...issue, others })),
  };
}

/** How many problems there are, told or not. */
export function countIssues(issues: readonly ScheduleIssue[]): number {
  return issues.reduce((count, { others = 0 }) => count + 1 + others, 0);
}
