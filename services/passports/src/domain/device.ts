/** A device that waits for a person (RFC 8628): asked, decided once, redeemed once. Stands under its user code, which may be used again later. Pure. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { deviceApproved, deviceAsked, deviceDenied, deviceRedeemed } from '@sallyport/contracts/facts/sign-in.ts';

export const DEVICE_MS = 600_000;
export const INTERVAL_SECONDS = 5;

export interface DeviceState {
  sha256: string;
  client_id: string;
  client_name: string;
  scopes: string[];
  /** Sealed. */
  address: string;
  asked_at_ms: number;
  expires_at_ms: number;
  decided: 'approved' | 'denied' | null;
  operator_id: string;
  member_id: string;
  redeemed: boolean;
}

const NONE: DeviceState = {
  sha256: '',
  client_id: '',
  client_name: '',
  scopes: [],
  address: '',
  asked_at_ms: 0,
  expires_at_ms: 0,
  decided: null,
  operator_id: '',
  member_id: '',
  redeemed: false,
};

export const DEVICE = { kind: 'device', initial: (): DeviceState => NONE, evolve: evolveDevice };

export function evolveDevice(state: DeviceState, fact: Fact, at: Position): DeviceState {
  const asked = dataOf(deviceAsked, fact);
  // A code that ran out may be drawn again: nothing of its earlier life stays.
  if (asked) return { ...NONE, ...asked, asked_at_ms: at.ts_ms };
  const approved = dataOf(deviceApproved, fact);
  if (approved) return { ...state, decided: 'approved', operator_id: approved.operator_id, member_id: approved.member_id };
  if (dataOf(deviceDenied, fact)) return { ...state, decided: 'denied' };
  return dataOf(deviceRedeemed, fact) ? { ...state, redeemed: true } : state;
}

export function deviceWaits(state: DeviceState, nowMs: number): boolean {
  return state.sha256 !== '' && state.decided === null && nowMs < state.expires_at_ms;
}

/** Consonants alone: no word is spelt, and nothing is mistaken for something else. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** From random bytes, of which those that would make some letters likelier are passed over; null when too few are left. */
export function userCode(random: Uint8Array): string | null {
  const letters = [...random].filter((byte) => byte < 240).map((byte) => LETTERS[byte % LETTERS.length] ?? '');
  if (letters.length < LENGTH) return null;
  return `${letters.slice(0, 4).join('')}-${letters.slice(4, LENGTH).join('')}`;
}

/** As a person types it: case, spaces and hyphens do not matter. Null for what no code can be. */
export function readUserCode(typed: string): string | null {
  const letters = typed.toUpperCase().replace(/[\s-]/g, '');
  if (letters.length !== LENGTH || [...letters].some((letter) => !LETTERS.includes(letter))) return null;
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
