import { UserError } from './user-error.ts';

type Sentence = (error: NodeJS.ErrnoException, what: string) => string;

const notAllowed: Sentence = (_, what) => `Permission was denied for ${what}; run this as root or as who owns it`;
const notADirectory: Sentence = (_, what) => `${what} cannot be made there; choose another directory with --data-dir`;

/** What the machine may refuse, and what its owner can do about it. */
const sentences: Readonly<Record<string, Sentence>> = {
  EACCES: notAllowed,
  EPERM: notAllowed,
  EROFS: (_, what) =>
    `${what} lies on a read-only file system; remount it, or choose another directory with --data-dir`,
  ENOSPC: (_, what) => `The disk that holds ${what} is full; free some space and try again`,
  EDQUOT: (_, what) => `The disk quota for ${what} is used up; free some space and try again`,
  ENOTDIR: notADirectory,
  EEXIST: (_, what) => `${what} is a file, not a directory; choose another directory with --data-dir`,
  EMFILE: () => 'This process may not open any more files; raise the limit (ulimit -n) and try again',
};

/** The sentence for an error of the operating system that its user can mend; undefined for every other error. */
export function systemFailure(error: unknown): UserError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code = '', path = '', syscall = '' } = cause as NodeJS.ErrnoException;
    const sentence = syscall === 'mkdir' && code === 'ENOENT' ? notADirectory : sentences[code];
    if (sentence !== undefined) return new UserError(sentence(cause, path === '' ? 'the data directory' : path));
  }
  return undefined;
}
