/** A person's request as the pages see it, and what a page can answer. Nothing here knows the framework. */
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import type { Operation, ResponseOf } from '@sallyport/contracts/operation.ts';
import type { Page } from './layout.ts';

export interface Visit {
  /** Path and query as they came, of this origin. */
  url: string;
  publicUrl: string;
  /** A member of the query or of the form; null where it is missing or there twice. */
  given(name: string): string | null;
  /** Of the path. */
  params: Readonly<Record<string, string>>;
  /** The session of the cookie; NOT verified: whoever is asked verifies it. */
  session: string | null;
  /** The browser came here from a foreign site, so that it kept the session's cookie to itself (SameSite=Strict). */
  fromElsewhere: boolean;
  cookies: string | undefined;
  /** Asks an operation's owner with this bearer; counts against the limits of the operation. */
  ask(operation: Operation, body: object, session: string | null, params?: Readonly<Record<string, string>>): Promise<BusAnswer>;
}

export type PageAnswer = {
  /** `Set-Cookie` lines. */
  cookies?: readonly string[];
  /** Takes the session's cookie away. */
  signedOut?: boolean;
} & ({ page: Page } | { to: `/${string}` } | { leave: string });

export type Handler = (visit: Visit) => Promise<PageAnswer>;

/** The owner's answer, of the contract's shape by the owner's word. */
export type Told<O extends Operation> = { ok: true; value: ResponseOf<O> } | { ok: false; denial: Denial };
