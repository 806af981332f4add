// Why a message was refused, and what to do about it. Keys are the worker's reasons.
const reasons: Record<string, string> = {
  BAD_TOPIC_FORMAT: 'The topic is not tenant/{tenant}/device/{device}/{type}.',
  INVALID_JSON: 'The payload is not JSON. Check quoting, and that the whole message was sent.',
  PAYLOAD_TOO_LARGE: 'The payload is larger than allowed. Send fewer metrics in a message.',
  TOO_MANY_METRICS: 'More than 50 metrics in one message. Split it.',
  METRIC_KEY_TOO_LONG: 'A metric name has more than 128 characters.',
  METRIC_KEY_INVALID: 'A metric name has characters that are not allowed.',
  METRIC_VALUE_INVALID: 'A value is neither number, boolean nor short text.',
  RATE_LIMITED: 'The device sends more often than its plan allows.',
  TENANT_MISMATCH_TOPIC_VS_PAYLOAD: 'Topic and payload name different tenants.',
  MISSING_SITE_ID: 'The message names no site and the connection does not tell it.',
  UNREGISTERED_DEVICE: 'No such device. Add it first.',
  SUBSCRIPTION_SUSPENDED: "The device's subscription is suspended.",
  SUBSCRIPTION_EXPIRED: "The device's subscription has ended.",
  DEVICE_REVOKED: 'The device is decommissioned.',
  SITE_MISMATCH_REGISTRY_VS_PAYLOAD:
    'The message names another site than the registry. Change site_id in the message or move the device.',
  TOKEN_NOT_SET_IN_REGISTRY: 'The device has no credentials. Rotate to make some.',
  TOKEN_MISSING: 'The message carries no token.',
  TOKEN_INVALID: 'The token is wrong or revoked. Rotate and put in the new one.',
  CERTIFICATE_INVALID: 'The certificate is revoked or expired. Issue a new one.',
  AUTH_FAILED: 'The credentials were refused.',
  TIMESTAMP_IN_FUTURE: "The time is more than a day ahead. Check the device's clock.",
};

/** A sentence for a quarantine reason, or null for one we don't know. */
export function explain(reason: string | null): string | null {
  if (!reason) return null;
  const known = reasons[reason];
  if (known) return known;
  if (reason.startsWith('unsupported_envelope_version'))
    return 'The message has a version other than "1".';
  return null;
}
