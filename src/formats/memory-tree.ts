import { InputError } from '../base/index.js';
import { endsBefore, type FileTree, fileNotFolder, folderNotFile, nothingThere, tooLong } from './file-tree.js';
import { gunzip } from './gunzip.js';

/** A file at hand, such as one that somebody dropped onto a page. */
export interface MemoryFile {
  /** Folders and name, with `/` between them. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Folders within folders: each is a name that is kept, so that a few bytes of path must not stand for many folders. */
const mostFolders = 64;

/** The bytes of a file, or the names in a folder. */
type Node = Uint8Array | string[];

/**
 * The files as a tree. Of a path, empty parts and `.` say nothing, so that `/a//b` is `a/b`, and `.` is the folder of all. Throws `InputError` for a path that is empty,
 * leads outside with `..`, has more than 64 folders, or is there twice, also as file and folder.
 */
export function createMemoryTree(files: readonly MemoryFile[]): FileTree {
  const nodes = new Map<string, Node>([['', []]]);
  for (const { path, bytes } of files) addFile(nodes, path, bytes);
  const find = (path: string): Node | undefined => {
    const parts = partsOf(path);
    return path === '' || parts === undefined ? undefined : nodes.get(parts.join('/'));
  };
  const nodeAt = (path: string): Node => {
    const node = find(path);
    if (node === undefined) throw new InputError({ ...nothingThere, where: path });
    return node;
  };
  const fileAt = (path: string): Uint8Array => {
    const node = nodeAt(path);
    if (Array.isArray(node)) throw new InputError({ ...folderNotFile, where: path });
    return node;
  };
  return {
    has: (path) => find(path) !== undefined,
    isFolder: (path) => Array.isArray(find(path)),
    list: (folder) => {
      const node = nodeAt(folder);
      if (!Array.isArray(node)) throw new InputError({ ...fileNotFolder, where: folder });
      return node;
    },
    join: (folder, name) => (folder === '.' ? name : `${folder.replace(/\/+$/, '')}/${name}`),
    split: (path) => {
      const end = path.lastIndexOf('/');
      return { folder: end < 0 ? '.' : path.slice(0, end) || '/', name: path.slice(end + 1) };
    },
    sizeOf: (path) => fileAt(path).length,
    read: (path, { maxBytes }) => {
      const bytes = fileAt(path);
      if (bytes.length > maxBytes) throw tooLong(path, maxBytes);
      return bytes;
    },
    open: (path, use) => {
      const bytes = fileAt(path);
      const read = (start: number, length: number): Uint8Array<ArrayBuffer> => {
        if (start + length > bytes.length) throw endsBefore(path, bytes.length);
        return new Uint8Array(bytes.subarray(start, start + length));
      };
      return use({ size: bytes.length, read });
    },
    gunzip: (bytes, { maxBytes, isCut }) => gunzip(bytes, maxBytes, isCut),
  };
}

/** The parts of a path that say something; undefined where one of them leads outside. */
function partsOf(path: string): readonly string[] | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts;
}

function addFile(nodes: Map<string, Node>, path: string, bytes: Uint8Array): void {
  const parts = partsOf(path);
  if (parts === undefined) throw badPath(path, 'the path leads outside with ..', 'name files within one folder');
  if (parts.length === 0) throw badPath(path, 'the path names no file', 'give each file a name');
  if (parts.length > mostFolders)
    throw badPath(path, `the path has more than ${mostFolders} folders`, 'give files that lie less deep');
  let folder = '';
  for (const [depth, name] of parts.entries()) {
    const key = folder === '' ? name : `${folder}/${name}`;
    const isLast = depth === parts.length - 1;
    const there = nodes.get(key);
    if (there !== undefined && (isLast || !Array.isArray(there))) {
      const kind = Array.isArray(there) ? 'folder' : 'file';
      throw badPath(path, `a ${kind} of this path is there already`, 'give each file once');
    }
    if (there === undefined) {
      (nodes.get(folder) as string[]).push(name);
      nodes.set(key, isLast ? bytes : []);
    }
    folder = key;
  }
}

function badPath(path: string, what: string, mend: string): InputError {
  return new InputError({ what, where: JSON.stringify(path.slice(0, 200)), mend });
}
