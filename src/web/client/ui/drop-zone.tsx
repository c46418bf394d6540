import { useId, useRef, useState } from 'preact/hooks';
import { formatBytes, formatCount, InputError, type Problem, problemOf } from '../../../base/index.js';

/** A file that the person gave; of a folder, with its path in it: `loads/0000001-0000100.json`. */
export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

export interface DropZoneProps {
  /** What to drop: `Drop a file of expert loads here`. */
  readonly label: string;
  readonly hint?: string;
  /** Whether folders are taken too. */
  readonly takesFolders?: boolean;
  /** Most bytes of all files together. */
  readonly mostBytes: number;
  readonly onFiles: (files: readonly DroppedFile[]) => void;
  readonly onProblem: (problem: Problem) => void;
}

const mostFiles = 10_000;

/** A place to drop files or folders on, with buttons to choose them. What is too large is refused before anything is read. */
export function DropZone({ label, hint, takesFolders = false, mostBytes, onFiles, onProblem }: DropZoneProps) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const fileInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  const take = (gathered: Promise<readonly DroppedFile[]>) => {
    gathered
      .then((files) => {
        checkSize(files, mostBytes);
        if (files.length > 0) onFiles(files);
      })
      .catch((error: unknown) => onProblem(problemOf(error)));
  };
  const takeChosen = (input: HTMLInputElement) => {
    const files = Array.from(input.files ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file }));
    // So that the same file can be chosen again after it was changed.
    input.value = '';
    take(Promise.resolve(files));
  };
  return (
    <fieldset
      class={isOver ? 'drop-zone over' : 'drop-zone'}
      aria-labelledby={id}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer !== null) take(gatherDropped(event.dataTransfer));
      }}
    >
      <p class="drop-label" id={id}>
        {label}
      </p>
      {hint === undefined ? null : <p class="field-hint">{hint}</p>}
      <div class="actions">
        <button type="button" onClick={() => fileInput.current?.click()}>
          Choose a file
        </button>
        {takesFolders ? (
          <button type="button" onClick={() => folderInput.current?.click()}>
            Choose a folder
          </button>
        ) : null}
      </div>
      <input
        ref={fileInput}
        class="unseen"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => takeChosen(event.currentTarget)}
      />
      <input
        ref={folderInput}
        class="unseen"
        type="file"
        {...{ webkitdirectory: true }}
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => takeChosen(event.currentTarget)}
      />
    </fieldset>
  );
}

function checkSize(files: readonly DroppedFile[], mostBytes: number): void {
  if (files.length > mostFiles) throw tooMany();
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  if (bytes <= mostBytes) return;
  throw new InputError({
    what: `these are ${formatBytes(bytes)}, more than ${formatBytes(mostBytes)}`,
    mend: 'give fewer or smaller files, or use the command line',
  });
}

function tooMany(): InputError {
  return new InputError({ what: `these are more than ${formatCount(mostFiles)} files`, mend: 'give a smaller folder' });
}

/** The entries have to be asked for before anything is waited for: afterwards the browser has forgotten them. */
async function gatherDropped({ items, files: plain }: DataTransfer): Promise<readonly DroppedFile[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  // What does not lie in a folder, such as an attachment of a mail, has no entry.
  if (entries.length === 0) return Array.from(plain, (file) => ({ path: file.name, file }));
  const files: DroppedFile[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
    if (files.length + waiting.length > mostFiles) throw tooMany();
    if (entry.isFile) files.push({ path: entry.fullPath.replace(/^\//, ''), file: await openEntry(entry) });
    else waiting.push(...(await listFolder(entry as FileSystemDirectoryEntry)));
  }
  return files;
}

function openEntry(entry: FileSystemEntry): Promise<File> {
  return new Promise((resolve, reject) => {
    (entry as FileSystemFileEntry).file(resolve, reject);
  });
}

/** A reader gives a folder in portions; an empty one is the end. */
async function listFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (portion.length === 0) return all;
    all.push(...portion);
    if (all.length > mostFiles) throw tooMany();
  }
}
