/** Why lines are rejected: one short text for each kind of fault. People count and grep these, so that they stay as they are. */
export const REASONS = {
  tooLong: 'line over 16 MiB',
  notUtf8: 'not UTF-8',
  notJson: 'not JSON',
  cutOff: 'truncated JSON',
  loneSurrogate: 'lone surrogate escape',
  notObject: 'not a JSON object',
  duplicateKey: 'duplicate key',
  missingTime: 'missing time',
  notTimestamp: 'not a timestamp',
  timeOutOfRange: 'time out of range',
  missingUser: 'missing repo or did',
  missingKind: 'missing kind',
  missingAction: 'missing action',
  unknownAction: 'unknown action',
  badPath: 'path is not collection/rkey',
  unreadable: 'DuckDB cannot read it',
} as const

/** Why a line is no event, and the value that is at fault, where it is one. */
export interface Fault {
  reason: string
  value?: string | undefined
}

/** Letters of a value that are kept with its reason. */
export const KEPT_OF_VALUE = 64

export function fault(reason: string, value?: string | null): Fault {
  return value === undefined || value === null ? { reason } : { reason, value: Array.from(value.slice(0, 2 * KEPT_OF_VALUE)).slice(0, KEPT_OF_VALUE).join('') }
}
