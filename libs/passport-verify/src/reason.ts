/** Why a token was refused: the values of `metadata.reason` under UNAUTHORIZED (api.md §2.1) that can be told from the token alone. */
export type TokenReason =
  | 'malformed'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime_too_long'
  | 'wrong_credential_kind';
