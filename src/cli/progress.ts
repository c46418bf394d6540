/** Milliseconds between lines of progress: where it is no terminal, and on one. */
const betweenLines = 3000;
const betweenChanges = 100;

/** On a terminal one line of standard error that changes, elsewhere a line every few seconds; `end` takes the one on the terminal away. */
export function createReporter(): { show(line: string): void; end(): void } {
  const isTerminal = process.stderr.isTTY === true;
  let last = performance.now();
  return {
    show(line) {
      if (performance.now() - last < (isTerminal ? betweenChanges : betweenLines)) return;
      last = performance.now();
      process.stderr.write(isTerminal ? `\r${line}\u001b[K` : `${line}\n`);
    },
    end: () => {
      if (isTerminal) process.stderr.write('\r\u001b[K');
    },
  };
}
