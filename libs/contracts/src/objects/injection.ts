/** What vault hands a gateway for one connection, sealed to the key of the gateway's start (api.md §12.1). Never logged, never stored. */
import { type Static, Type } from 'typebox';

export const Injection = Type.Object({
  credential_ref: Type.String(),
  inject: Type.Object({ headers: Type.Record(Type.String(), Type.String()), query: Type.Record(Type.String(), Type.String()) }),
  /** Lower case; never taken from the caller: what the template injects, or would if its field were set (api.md §8.3). */
  drop_headers: Type.Array(Type.String()),
  /** Sent where the caller has no such header; names in lower case. */
  default_headers: Type.Record(Type.String(), Type.String()),
  /** Lower case; also pass with a call that was made with an approval. */
  version_headers: Type.Array(Type.String()),
  /** Values to blot out of answers. */
  secrets: Type.Array(Type.String()),
});
export type Injection = Static<typeof Injection>;

/** Binds a sealed injection to the gateway start and the connection that it is for. */
export function credentialContext(bootId: string, connectionId: string): string {
  return `sallyport credential ${bootId} ${connectionId}`;
}

export function detectorKeyContext(bootId: string, operatorId: string): string {
  return `sallyport detector key ${bootId} ${operatorId}`;
}
