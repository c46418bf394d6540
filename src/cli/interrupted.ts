/** The person at the terminal ended the work with Ctrl-C; what was promised is on disk. Exit code 130, no message. */
export class Interrupted extends Error {}
