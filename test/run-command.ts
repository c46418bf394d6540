import { mock } from 'node:test';
import { main } from '../src/cli/index.js';

/** What a command did. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process; `line` is split at spaces. Two calls must not overlap: what they print is caught. */
export async function runCommand(line: string): Promise<CommandResult> {
  const stdout = catchText(process.stdout);
  const stderr = catchText(process.stderr);
  try {
    const status = await main(['node', 'doubletrack', ...line.split(' ')]);
    return { status, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.stop();
    stderr.stop();
  }
}

/** Keeps the text that is written to a stream; bytes pass, which are the test runner's own reports. */
function catchText(stream: NodeJS.WriteStream) {
  const pieces: string[] = [];
  const write = stream.write.bind(stream);
  const mocked = mock.method(stream, 'write', (chunk: string | Uint8Array) => {
    if (typeof chunk !== 'string') return write(chunk);
    pieces.push(chunk);
    return true;
  });
  return { text: () => pieces.join(''), stop: () => mocked.mock.restore() };
}
